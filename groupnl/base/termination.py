"""TERM, and the closing of the terminal, end a program as Ctrl-C does: in order, with its temporary folders removed.

None of them is lost where Python drops the exception that it raises.
"""

import multiprocessing
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from groupnl.base.signals import handling

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_PAUSE = 0.05  # seconds in which code that drops exceptions has probably been left


class _Ended(SystemExit):
    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


@contextmanager
def losing_no_signal() -> Iterator[None]:
    """While it is open, a Ctrl-C (or an `ending_in_order`) that comes amid a `__del__` or a hook of `fork` counts."""
    before, sys.unraisablehook = sys.unraisablehook, _unraisable
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def ending_in_order() -> Iterator[None]:
    """While it is open, the first such signal raises SystemExit, so that every `with` block ends; 143 for TERM."""
    with losing_no_signal(), handling(_SIGNALS, _end):
        yield


def let_go(error: BaseException) -> None:
    """Delete what an interruption has left half made; what such objects complain about as they go is no news."""
    before, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        traceback.clear_frames(error.__traceback__)
    finally:
        sys.unraisablehook = before


def _end(number: int, _: FrameType | None) -> None:
    # `timeout` sends its signal twice: the second one must not disturb the cleaning up. (A function, and not SIG_IGN,
    # which programs that are started meanwhile would inherit.)
    signal.signal(number, _nothing)
    # Ctrl-C reaches these too. Without that a pool of processes would do all its work before it ends.
    for child in multiprocessing.active_children():
        child.terminate()
    raise _Ended(number)


def _unraisable(dropped: "sys.UnraisableHookArgs") -> None:
    """Send a signal again whose exception Python dropped, because it came amid a `__del__` or a hook of `fork`."""
    if isinstance(dropped.exc_value, _Ended):
        number = dropped.exc_value.number
        signal.signal(number, _end)
    elif isinstance(dropped.exc_value, KeyboardInterrupt):
        number = signal.SIGINT
    else:
        sys.__unraisablehook__(dropped)
        return
    again = threading.Timer(_PAUSE, signal.pthread_kill, (threading.main_thread().ident, number))
    again.daemon = True
    again.start()


def _nothing(number: int, frame: FrameType | None) -> None:
    """Take a signal and go on."""
