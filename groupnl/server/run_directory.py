"""The directory of one run: its store, its seats, what its workers count; gone with it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def run_directory() -> Iterator[Path]:
    """A new directory below the temporary one."""
    with tempfile.TemporaryDirectory(prefix="groupnl-") as name:
        yield Path(name)
