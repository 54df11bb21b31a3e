"""The directory of one run: its store, its seats, what its workers count; gone with it."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "groupnl-run-"
LOCK = "run.lock"  # held as long as the run lives, however it ends


@contextmanager
def run_directory() -> Iterator[Path]:
    """A new directory below the temporary one; what killed runs of this user have left there is removed."""
    _remove_left(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        new = Path(name) / "new.lock"
        with new.open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            new.rename(new.with_name(LOCK))  # under this name it is never free while the run lives
            yield Path(name)


def _remove_left(below: Path) -> None:
    for lock in below.glob(f"{PREFIX}*/{LOCK}"):
        try:
            with lock.open("r+", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent)
        except OSError:  # it lives, is another user's, or goes at this moment
            continue
