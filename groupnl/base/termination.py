"""TERM, and the closing of the terminal, end a program as Ctrl-C does: in order, with its temporary folders removed."""

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ending_in_order() -> Iterator[None]:
    """While it is open, the first such signal raises SystemExit, so that every `with` block ends; 143 for TERM.

    A signal that is ignored stays so: `nohup` starts a program that way.
    """
    numbers = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
