"""Complaints of libraries about a setting, told as ours."""

import pickle
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager

from groupnl.errors import ConfigError

_COMPLAINTS = (
    *(ValueError, AssertionError, RuntimeError, LookupError, ArithmeticError, TypeError, AttributeError, ImportError),
    *(tarfile.TarError, pickle.UnpicklingError, EOFError),
)


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Turn a library's complaint into a `ConfigError` that names the option or the file."""
    try:
        yield
    except _COMPLAINTS as error:
        raise ConfigError(f"{what} cannot be used: {error}") from error
