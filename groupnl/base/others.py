"""Did other programs use the machine meanwhile? Ratios that were measured beside them are doubtful."""

import os
import time
from contextlib import suppress

import psutil

BUSY_CORES = 0.1  # more than that makes the figures doubtful


def busy_s() -> float:
    """Seconds that the cores this process may run on were not idle, together, since the system's start."""
    each = psutil.cpu_times(percpu=True)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(each))
    # What a virtual machine's guests used is in the user's time already; not all systems tell each kind.
    kinds = ("user", "nice", "system", "irq", "softirq", "steal")
    return sum(getattr(times, kind, 0.0) for core, times in enumerate(each) if core in allowed for kind in kinds)


def own_s() -> float:
    """Processor time of this process and of all that descend from it, those that have ended too, seconds."""
    first = psutil.Process()
    used = 0.0
    for process in (first, *first.children(recursive=True)):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            used += sum(process.cpu_times()[:4])  # user, system, and both of the children that it has seen end
    return used


class Others:
    """The cores that other programs use from now on.

    To be asked while the services that are measured still run: what a process that they leave behind has used is told
    by nobody, and would be taken for others'.
    """

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._before = busy_s() - own_s()

    def cores(self) -> float:
        """How many, on average since the beginning."""
        return max(0.0, (busy_s() - own_s() - self._before) / (time.perf_counter() - self._start))


def others_in_words(cores: float) -> str:
    """What is said beside every result that has ratios."""
    advice = "; measure again when the machine is quiet" if cores > BUSY_CORES else ""
    return f"cores that other programs used meanwhile, on average: {cores:.2f}{advice}"
