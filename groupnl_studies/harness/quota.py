"""A quota of processor time for processes of ours, as containers have it, where a control group may be made (Linux)."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")
_PERIOD_US = 100_000


@contextmanager
def quota(cores: float, pids: Iterable[int]) -> Iterator[None]:
    """As long as the block lasts, the processes together get so many cores.

    Args:
        cores: above 0.
        pids: of processes of this process's own group; their children are not taken along.

    Raises:
        OSError: no group can be made, or none with a quota.
    """
    mount, membership = _hierarchy()
    former = mount / membership.lstrip("/")
    group = former / f"groupnl-quota-{os.getpid()}"
    group.mkdir()
    moved = []
    try:
        _limit(group, round(cores * _PERIOD_US))
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
            moved.append(pid)
        yield
    finally:
        for pid in moved:
            with suppress(ProcessLookupError):  # it has ended
                (former / "cgroup.procs").write_text(str(pid))
        group.rmdir()


def why_no_quota() -> str | None:
    """Why no quota can be set here; None: one can be."""
    try:
        with quota(1.0, []):
            return None
    except OSError as error:
        return f"no control group can be made: {error}"


def _hierarchy() -> tuple[Path, str]:
    """Where the groups of the processor's controller are, and the path of this process's own among them."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()]
    for _, controllers, path in lines:
        if "cpu" in controllers.split(","):
            return _MOUNT / "cpu", path
    return _MOUNT, next((path for _, controllers, path in lines if not controllers), "/")


def _limit(group: Path, quota_us: int) -> None:
    if (group / "cpu.cfs_quota_us").exists():
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota_us))
    else:
        (group / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
