"""Who used the processor: a service's processes by their part in it."""

from contextlib import suppress
from typing import NamedTuple

import psutil


class Parts(NamedTuple):
    """How a server's processes are told apart.

    Attributes:
        frontend: name of the program, or Python module, that speaks HTTP; empty where no process does that alone.
        worker: part of the program's name, or code, in the command line of a process that runs the network.
    """

    frontend: str
    worker: str


TORCHSERVE = Parts("java", "model_service_worker.py")
OUR_SERVER = Parts("groupnl.cli", "groupnl.base.bound")


class CpuSeconds(NamedTuple):
    """Processor time of a service, seconds.

    Attributes:
        frontend: the program that speaks HTTP, and what it started and has ended.
        workers: the processes that run the network.
        rest: all others.
    """

    frontend: float
    workers: float
    rest: float

    def since(self, before: "CpuSeconds") -> "CpuSeconds":
        """What was used after an earlier reading."""
        return CpuSeconds(*(now - then for now, then in zip(self, before, strict=True)))

    @property
    def total(self) -> float:
        """All parts."""
        return sum(self)


def cpu_seconds(pid: int, parts: Parts = TORCHSERVE) -> CpuSeconds:
    """Processor time of a process and all that descend from it, since their start.

    A process that has ended is counted where its parent is the frontend, and lost elsewhere.

    Args:
        pid: of the first process.
        parts: how its descendants are told apart.
    """
    used = dict.fromkeys(CpuSeconds._fields, 0.0)
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            part = _part(process, parts)
            times = process.cpu_times()
            used[part] += times.user + times.system
            if part == "frontend":  # its own metrics come from a program that it starts once a minute
                used[part] += times.children_user + times.children_system
    return CpuSeconds(**used)


def workers(pid: int, parts: Parts) -> list[psutil.Process]:
    """The processes that run the network, among those that descend from the first one."""
    found = []
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            found += [process] if _part(process, parts) == "workers" else []
    return found


def _family(pid: int) -> list[psutil.Process]:
    first = psutil.Process(pid)
    return [first, *first.children(recursive=True)]


def _part(process: psutil.Process, parts: Parts) -> str:
    # python [-B] [-u] [-c] PROGRAM, and then its arguments
    program = next((word for word in process.cmdline()[1:] if not word.startswith("-")), "")
    if parts.frontend in (process.name(), program):
        return "frontend"
    return "workers" if parts.worker in program else "rest"
