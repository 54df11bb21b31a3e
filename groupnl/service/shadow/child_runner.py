"""The worker's end of the shadow process: a `Runner` that hands batches through a pipe."""

import multiprocessing
import os
import pickle
import subprocess
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from groupnl.base.child_process import bound_command
from groupnl.errors import ServerError
from groupnl.metrics import DIED, LOADING, TIMEOUT
from groupnl.service.shadow.batch import Batch, Result
from groupnl.service.shadow.messages import Failure, Setup
from groupnl.service.shadow.watchdog import Watchdog

KILL_S = 5.0
STILL_S = 120.0  # without any processor time, while it owes an answer
BUSY_S = 1800.0  # of processor time, for one answer


class ChildRunner:
    """Runs in a process of the lowest priority; see `groupnl.service.shadow.child`. One that hangs is ended.

    Args:
        setup: what it loads.
        died: told when the process has ended without being asked; one of `groupnl.metrics.DEATH_REASONS`.
    """

    def __init__(self, setup: Setup, died: Callable[[str], None]) -> None:
        self._setup = setup
        self._died = died
        self._has_loaded = False
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process and wait until it has loaded.

        To be called by a thread that lives as long as the process is to live: Linux ends the process with it.

        Raises:
            ServerError: it could not load, or ended.
        """
        self.close()
        self._pipe, theirs = multiprocessing.Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 (no shell, nothing that a client sends)
                bound_command("groupnl.service.shadow.child", str(theirs.fileno())),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
            )
        try:
            _lower_priority(self._process.pid, self._setup.niceness)  # from here: importing torch is covered, too
            self._has_loaded = False
            self._ask(pickle.dumps(self._setup))
            self._has_loaded = True
        except Exception:
            self.close()
            raise

    def run(self, batch: Batch) -> list[Result | None]:
        """Have a batch answered; see `Runner`. A process that has ended is started again.

        Raises:
            ServerError: the process could not answer it, or has ended.
        """
        if self._pipe is None:
            self.start()
        # As arrays: tensors would be passed as shared memory, a file descriptor each.
        clean = None if batch.clean is None else batch.clean.numpy()
        message = (batch.pixels.numpy(), list(batch.specs), clean, batch.files)
        answer = self._ask(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))
        assert isinstance(answer, list)  # noqa: S101 (for mypy)
        return answer

    def close(self) -> None:
        """End the process."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._process is not None:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(KILL_S)
            self._process = None

    def _ask(self, message: bytes) -> object:
        assert self._pipe is not None  # noqa: S101 (for mypy)
        assert self._process is not None  # noqa: S101
        watchdog = Watchdog(self._process, STILL_S, BUSY_S)
        try:
            with watchdog.watching():  # sending waits too, for a process that reads
                self._pipe.send_bytes(message)
                answer = self._pipe.recv()
        except (EOFError, OSError):
            self.close()
            self._died(TIMEOUT if watchdog.has_bitten else DIED if self._has_loaded else LOADING)
            raise ServerError(f"the shadow process {'hung' if watchdog.has_bitten else 'has ended'}") from None
        if isinstance(answer, Failure):
            if not self._has_loaded:
                self._died(LOADING)
            raise ServerError(f"the shadow process reports {answer.text}")
        return answer


def _lower_priority(pid: int, niceness: int | None) -> None:
    """Let a process run only when nothing else wants to, or be so nice, where its parent is not nicer."""
    try:
        if niceness is None:
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
            return
    except (AttributeError, PermissionError):  # not on Linux, or in a container that allows only niceness
        niceness = 19
    os.setpriority(os.PRIO_PROCESS, pid, max(niceness, os.getpriority(os.PRIO_PROCESS, 0)))
