"""Where a service's replicas of one node share what they remember: a folder that only their user can enter."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from groupnl.base.environment import runtime_folder
from groupnl.errors import ConfigError

_OTHERS_MAY_WRITE = 0o022


def memories(session: str, models: Iterable[str]) -> Path:
    """The folder, on this node; made if missing. What one replica has seen is new to none.

    Args:
        session: Ray's name of this life of the cluster, which is how long the folder is used: as what is counted.
        models: that the service began with, which tell services apart.

    Raises:
        ConfigError: others can write where it is.
    """
    folder = _ours() / f"{session}-{'-'.join(sorted(models))[:80]}"
    for place in (folder.parent, folder):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = place.lstat()  # a link is its maker's
        if found.st_uid != os.getuid() or found.st_mode & _OTHERS_MAY_WRITE:
            raise ConfigError(f"{place} is not this user's alone, who is to remember images there; remove it")
    return folder


def forget(session: str) -> None:
    """Remove what replicas of this node remember, after they have ended."""
    for folder in _ours().glob(f"{session}-*"):
        shutil.rmtree(folder, ignore_errors=True)  # a replica that was killed may be writing still


def _ours() -> Path:
    return runtime_folder() / f"groupnl-{os.getuid()}"
