"""What takes long to make is made once for all processes of a test run."""

import fcntl
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import mkdtemp

Exporting = Callable[[], AbstractContextManager[None]]  # the fixture `exporting_once`


def once(place: Path, key: str, make: Callable[[Path], object]) -> Path:
    """A folder with what is made.

    Args:
        place: folder that the processes share; made if missing.
        key: what it is.
        make: fills a folder, if no other process has.
    """
    place.mkdir(exist_ok=True)
    made = place / key
    with (place / f"{key}.lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        if not made.exists():
            work = Path(mkdtemp(dir=place))
            make(work)
            work.rename(made)
    return made


def shared_folder(of_this_process: Path, worker_id: str) -> Path:
    """Where processes of one test run find one another's files.

    Args:
        of_this_process: pytest's folder for its temporary files.
        worker_id: xdist's name of this process.
    """
    return of_this_process if worker_id == "master" else of_this_process.parent
