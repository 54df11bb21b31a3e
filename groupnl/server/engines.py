"""Which engines the archives of a run are served with; see `groupnl.archive.speed`."""

from pathlib import Path

from groupnl.archive.speed.settle import settle
from groupnl.base.say import Say
from groupnl.server.stop import Wait

_FOLDERS = ("store", "twins", "candidates")


def settle_engines(place: Path, say: Say, wait: Wait) -> None:
    """Measure the engines of all archives that `fill_store` has unpacked below a folder, where this is needed.

    Args:
        place: the folder in which the store lies.
        say: is told what is done.
        wait: tells when the operator wants to stop.

    Raises:
        ArchiveError: an archive's speeds cannot be read.
    """
    folders = [folder for name in _FOLDERS for folder in sorted((place / name).glob("*"))]
    settle(folders, say, lambda: wait(0))
