"""Child processes that do not outlive the one that started them."""

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Called in a new child: when its parent dies, even by kill -9, Linux will send it TERM, or the given signal.

    Elsewhere than on Linux nothing is done: there a child stays when its parent is killed outright.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
