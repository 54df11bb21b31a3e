"""The operator's wish to stop: from a signal to whoever waits."""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

from groupnl.base.signals import handling

# Waits so many seconds; True when the operator wants to stop.
Wait = Callable[[float], bool]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Set once, by a signal's handler; waited for in the main thread, which the handler interrupts.

    A pipe and no lock: the handler may run in the middle of the wait, and `threading.Event` would then wait for a lock
    that its own thread holds.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def set(self) -> None:
        """End every wait, now and later."""
        with suppress(BlockingIOError):  # full: set long ago
            os.write(self._writer, b".")

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it is set; True when it is set."""
        return bool(select.select([self._reader], [], [], seconds)[0])

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._reader)
        os.close(self._writer)


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """A `Stop` that Ctrl-C, TERM and the closing of the terminal set, instead of ending the program at once."""
    with closing(Stop()) as stop, handling(_SIGNALS, lambda *_: stop.set()):
        yield stop
