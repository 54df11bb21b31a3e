"""Ends a process that does not answer: one that stands still, or that computes without end.

A shadow process has the lowest priority, and on a loaded machine a batch may take it minutes. So it is not the clock
that decides, but what the process got done: who waits for a processor gets it now and then, who hangs does not ask.
"""

import logging
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

logger = logging.getLogger(__name__)
_POLL_S = 5.0  # most answers are there before


class Watchdog:
    """Watches one process while somebody waits for its answer.

    Args:
        process: to be ended when it hangs.
        still_s: so long it may do nothing, seconds.
        busy_s: so much processor time an answer may take, seconds.

    Attributes:
        has_bitten: whether the process was ended.
    """

    def __init__(self, process: subprocess.Popen[bytes], still_s: float, busy_s: float) -> None:
        self.has_bitten = False
        self._process = process
        self._limits_s = still_s, busy_s

    @contextmanager
    def watching(self) -> Iterator[None]:
        """End the process if it hangs while the block waits for it; what the block reads then ends."""
        answered = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(answered,), name="shadow watchdog", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            answered.set()
            watcher.join()

    def _watch(self, answered: threading.Event) -> None:
        still_s, busy_s = self._limits_s
        with suppress(psutil.NoSuchProcess):  # it has ended by itself
            process = psutil.Process(self._process.pid)
            begun = latest = _processor_s(process)
            moved = time.monotonic()
            while not answered.wait(min(_POLL_S, still_s / 4)):
                now, spent = time.monotonic(), _processor_s(process)
                if spent != latest:
                    latest, moved = spent, now
                if now - moved > still_s:
                    self._bite(f"has got no processor time for {still_s:g} s")
                    return
                if spent - begun > busy_s:
                    self._bite(f"has computed for {busy_s:g} s without an answer")
                    return

    def _bite(self, reason: str) -> None:
        self.has_bitten = True
        logger.error(
            "shadow requests hang: process %d %s, and is ended; it is started again", self._process.pid, reason
        )
        self._process.kill()


def _processor_s(process: psutil.Process) -> float:
    """What it has used so far, and those that it has started, such as compilers."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    return total
