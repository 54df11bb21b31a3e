"""TERM, and the closing of the terminal, end a program as Ctrl-C does: in order, with its temporary folders removed."""

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from groupnl.base.signals import handling

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ending_in_order() -> Iterator[None]:
    """While it is open, the first such signal raises SystemExit, so that every `with` block ends; 143 for TERM."""
    with handling(_SIGNALS, _end):
        yield


def _end(number: int, _: FrameType | None) -> None:
    # `timeout` sends its signal twice: the second one must not disturb the cleaning up. (A function, and not SIG_IGN,
    # which programs that are started meanwhile would inherit.)
    signal.signal(number, _nothing)
    # Ctrl-C reaches these too. Without that a pool of processes would do all its work before it ends.
    for child in multiprocessing.active_children():
        child.terminate()
    sys.exit(128 + number)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Take a signal and go on."""
