"""One process at a time in a folder whose files it reads, changes and writes again; others are refused, or wait."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from groupnl.errors import ConfigError

LOCK = "lock"


@contextmanager
def locked(folder: Path, otherwise: str) -> Iterator[None]:
    """Keep other processes out; the folder is made.

    The system lets go of it when the process dies, however that happens; its children do not hold it.

    Args:
        folder: where the file `lock` is put, which stays there.
        otherwise: what to do instead of waiting, for the error's sentence.

    Raises:
        ConfigError: another process is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w", encoding="utf-8") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(f"another process works in {folder}: wait for it, or {otherwise}") from error
        yield


@contextmanager
def waited_for(folder: Path) -> Iterator[None]:
    """The same for who wants what another one makes there: the others wait until it is there.

    It is given back at the block's end, also where a child process has inherited the file.

    Args:
        folder: where the file `lock` is put, which stays there; it is made.

    Raises:
        OSError: nothing can be written there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
