"""Child processes that do not outlive the one that started them, and that leave Ctrl-C to it."""

import ctypes
import multiprocessing
import os
import signal
import sys
from multiprocessing.context import BaseContext

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def bound_command(module: str, *words: str) -> list[str]:
    """The command that runs a module in a process that ends, by KILL, with the thread that starts it; see `bound`."""
    return [sys.executable, "-m", "groupnl.base.bound", str(os.getpid()), module, *words]


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Called in a new child: when its parent dies, even by kill -9, Linux will send it TERM, or the given signal.

    Elsewhere than on Linux nothing is done: there a child stays when its parent is killed outright.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def helpers(count: int) -> BaseContext | None:
    """How the processes of torch's loaders are started.

    A terminal's Ctrl-C reaches them too, and they must not die of it before this process knows why.

    Args:
        count: how many are started; torch takes nothing where there are none.
    """
    return _Helpers() if count and sys.platform == "linux" else None


if sys.platform == "linux":

    class _Helper(multiprocessing.context.ForkProcess):
        def start(self) -> None:
            # The child keeps the mask. In this process a Ctrl-C waits so long: amid the hooks of `fork` Python would
            # drop its exception.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
            try:
                super().start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)

    class _Helpers(multiprocessing.context.ForkContext):
        Process = _Helper
