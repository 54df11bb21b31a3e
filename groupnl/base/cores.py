"""How many cores there are for this process: those that it may run on, and those that its control groups pay for."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from groupnl.base.environment import limit_openmp

_MEMBERSHIP = Path("proc/self/cgroup")
_MOUNT = Path("sys/fs/cgroup")
_A_PART = 0.9  # that makes a whole core of a tenth
_V1 = "cpu"  # the controller's name, in the list of controllers of a hierarchy of version 1


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that processes of one thread each can use, at least 1; a part of a core counts as one, from a tenth on.

    With a quota of 1.5 two processes answered 1.5 times the images a second of one: each stands still for a quarter of
    the time, and nothing of the quota is left over.

    Args:
        root: of the file system that says so.
    """
    return max(1, min([_allowed(), *(int(quota + _A_PART) for quota in quotas(root))]))


def whole_cores(root: Path = Path("/")) -> int:
    """The same for threads that wait for one another, of which a part of a core does not count.

    Of two threads with a quota of 1.5 each stands still for a quarter of the time, and the other one with it.

    Args:
        root: of the file system that says so.
    """
    return max(1, min([_allowed(), *map(int, quotas(root))]))


def paid_cores(root: Path = Path("/")) -> float:
    """Seconds of processor time that there are in a second, parts of a core as they are.

    Args:
        root: of the file system that says so.
    """
    return min([float(_allowed()), *quotas(root)])


def limit_threads() -> None:
    """Keep torch to the whole cores where a quota allows fewer than it would find; to be called before its import."""
    if (cores := whole_cores()) < _allowed():
        limit_openmp(cores)


def quotas(root: Path) -> Iterator[float]:
    """The cores that each control group above this process pays for, where it has a quota (Linux).

    Version 2 writes ``cpu.max``, version 1 ``cpu.cfs_quota_us`` and ``cpu.cfs_period_us``; a group's parents count too.
    Inside a container the group's path may not be visible: then the one that is mounted is its own.
    """
    for path, folder in _groups(root):
        for place in (path, *path.parents):
            group = folder / str(place).lstrip("/")
            quota = _numbers(group / "cpu.max") or _numbers(group / "cpu.cfs_quota_us", group / "cpu.cfs_period_us")
            if quota is not None:
                yield quota[0] / quota[1]


def _allowed() -> int:
    """Cores that this process may run on; not all systems tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _groups(root: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """The groups that this process is in: path, and where such paths begin."""
    try:
        lines = (root / _MEMBERSHIP).read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if path and not controllers:
            yield PurePosixPath(path), root / _MOUNT
        elif _V1 in controllers.split(","):
            yield PurePosixPath(path or "/"), _hierarchy(root / _MOUNT)


def _hierarchy(mounts: Path) -> Path:
    """Where the hierarchy of version 1 is mounted that has the controller: `cpu`, `cpu,cpuacct` or `cpuacct,cpu`.

    Usually several of these names lead there; which ones need not be those that the membership has.
    """
    try:
        named = sorted(mount for mount in mounts.iterdir() if _V1 in mount.name.split(","))
    except OSError:
        named = []
    return named[0] if named else mounts / _V1


def _numbers(*files: Path) -> tuple[int, int] | None:
    """Quota and period in microseconds, of one file or of two; None where there is no quota."""
    try:
        quota, period = " ".join(file.read_text(encoding="ascii") for file in files).split()
        numbers = int(quota), int(period)
    except (OSError, ValueError):  # "max" is no quota either
        return None
    return numbers if min(numbers) > 0 else None  # -1: none
