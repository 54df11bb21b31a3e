"""The operator's wish to stop: from a signal to whoever waits."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

from groupnl.base.signals import handling

# Waits so many seconds; True when the operator wants to stop.
Wait = Callable[[float], bool]

ECHO_S = 0.2  # programs and terminals tell a process and its group: the same wish comes twice
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Set by a signal's handler; waited for in the main thread, which the handler interrupts."""

    def __init__(self) -> None:
        self._wish, self._another = _Flag(), _Flag()
        self._set_at: float | None = None

    def set(self) -> None:
        """End every wait, now and later; a second time also those for another wish."""
        now = time.monotonic()
        if self._set_at is None:
            self._set_at = now
        elif now - self._set_at > ECHO_S:
            self._another.set()
        self._wish.set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it is set; True when it is set."""
        return self._wish.wait(seconds)

    def wait_for_another(self, seconds: float) -> bool:
        """Wait so long, or until it is set a second time; True when it is."""
        return self._another.wait(seconds)

    def close(self) -> None:
        """Give the pipes back."""
        self._wish.close()
        self._another.close()


class _Flag:
    """A pipe and no lock: a signal's handler may set it in the middle of the wait.

    `threading.Event` would then wait for a lock that its own thread holds.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def set(self) -> None:
        with suppress(BlockingIOError):  # full: set long ago
            os.write(self._writer, b".")

    def wait(self, seconds: float) -> bool:
        return bool(select.select([self._reader], [], [], seconds)[0])

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """A `Stop` that Ctrl-C, TERM and the closing of the terminal set, instead of ending the program at once."""
    with closing(Stop()) as stop, handling(_SIGNALS, lambda *_: stop.set()):
        yield stop
