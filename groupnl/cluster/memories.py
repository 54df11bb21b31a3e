"""Where a service's replicas of one node share what they remember: a folder that only their user can enter."""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from groupnl.base.environment import runtime_folder
from groupnl.base.folder_lock import waited_for
from groupnl.errors import ConfigError

_OTHERS_MAY_WRITE = 0o022
_HELD = "held"  # by each replica that uses the folder, as long as it lives, however it ends


@contextmanager
def memories(node: int, session: str, models: Iterable[str]) -> Iterator[Path]:
    """The folder, on this node; made if missing, and kept after the block. What one replica has seen is new to none.

    Within the block nobody removes it. Those of nodes that have ended are removed, unless a replica still uses them:
    what runs in another container, whose folders may lie here too, seems to have ended, but its locks are seen.

    Args:
        node: process of Ray that is the node as long as it lives, which is how long the folder is used.
        session: Ray's name of this life of the cluster.
        models: that the service began with, which tell services apart.

    Raises:
        ConfigError: others can write where it is.
    """
    folder = _ours() / f"{node}-{session}-{'-'.join(sorted(models))[:80]}"
    _make(folder.parent)
    with ExitStack() as holding:
        with waited_for(folder.parent):  # so that none is removed between its making and its lock
            _make(folder)
            held = holding.enter_context((folder / _HELD).open("a", encoding="utf-8"))
            fcntl.flock(held, fcntl.LOCK_SH)
            for ended in _of_ended_nodes():
                if not _is_held(ended):
                    _remove(ended)
        yield folder


def forget(session: str) -> None:
    """Remove what replicas of this machine remember, after they have ended."""
    for folder in _ours().glob(f"*-{session}-*"):
        _remove(folder)


def _make(place: Path) -> None:
    """Make a folder of this user's alone, or find that it is one."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = place.lstat()  # a link is its maker's
    if found.st_uid != os.getuid() or found.st_mode & _OTHERS_MAY_WRITE:
        raise ConfigError(f"{place} is not this user's alone, who is to remember images there; remove it")


def _of_ended_nodes() -> Iterator[Path]:
    for folder in _ours().iterdir():
        node = folder.name.partition("-")[0]
        if node.isdecimal() and not _lives(int(node)):
            yield folder


def _lives(process: int) -> bool:
    with suppress(PermissionError):  # another user's has its number now; the folder stays a while longer
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


def _is_held(folder: Path) -> bool:
    """Whether a replica uses it, whose process need not be seen from here."""
    with (folder / _HELD).open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # a replica that was killed may be writing still


def _ours() -> Path:
    return runtime_folder() / f"groupnl-{os.getuid()}"
