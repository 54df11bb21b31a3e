"""Who used the processor: a service's processes by their part in it."""

from contextlib import suppress
from typing import NamedTuple

import psutil

_WORKER_SCRIPT = "model_service_worker.py"  # the program that TorchServe's frontend starts


class CpuSeconds(NamedTuple):
    """Processor time of a service, seconds.

    Attributes:
        frontend: the Java process, and what it started and has ended.
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


def cpu_seconds(pid: int) -> CpuSeconds:
    """Processor time of a process and all that descend from it, since their start.

    A process that has ended is counted where its parent is the frontend, and lost elsewhere.
    """
    used = dict.fromkeys(CpuSeconds._fields, 0.0)
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            part = _part(process)
            times = process.cpu_times()
            used[part] += times.user + times.system
            if part == "frontend":  # its own metrics come from a program that it starts once a minute
                used[part] += times.children_user + times.children_system
    return CpuSeconds(**used)


def _family(pid: int) -> list[psutil.Process]:
    first = psutil.Process(pid)
    return [first, *first.children(recursive=True)]


def _part(process: psutil.Process) -> str:
    if process.name() == "java":
        return "frontend"
    program = process.cmdline()[1:3]  # python [-u] PROGRAM, and then its arguments
    return "workers" if any(word.endswith(_WORKER_SCRIPT) for word in program) else "rest"
