"""Where a service's replicas of one node share what they remember: a folder that only their user can enter."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from groupnl.base.environment import runtime_folder
from groupnl.errors import ConfigError

_OTHERS_MAY_WRITE = 0o022


def memories(node: int, session: str, models: Iterable[str]) -> Path:
    """The folder, on this node; made if missing. What one replica has seen is new to none.

    Those of nodes of this machine that have ended are removed.

    Args:
        node: process of Ray that is the node as long as it lives, which is how long the folder is used.
        session: Ray's name of this life of the cluster.
        models: that the service began with, which tell services apart.

    Raises:
        ConfigError: others can write where it is.
    """
    folder = _ours() / f"{node}-{session}-{'-'.join(sorted(models))[:80]}"
    for place in (folder.parent, folder):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = place.lstat()  # a link is its maker's
        if found.st_uid != os.getuid() or found.st_mode & _OTHERS_MAY_WRITE:
            raise ConfigError(f"{place} is not this user's alone, who is to remember images there; remove it")
    for ended in _of_ended_nodes():
        _remove(ended)
    return folder


def forget(session: str) -> None:
    """Remove what replicas of this machine remember, after they have ended."""
    for folder in _ours().glob(f"*-{session}-*"):
        _remove(folder)


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


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # a replica that was killed may be writing still


def _ours() -> Path:
    return runtime_folder() / f"groupnl-{os.getuid()}"
