"""One process at a time in a folder whose files it reads, changes and writes again."""

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
