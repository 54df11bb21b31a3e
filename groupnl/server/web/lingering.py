"""The end of a connection that lets the client read the last answer.

A socket that is closed with unread bytes in it resets the connection, and the answer may be lost.
"""

import asyncio
from contextlib import suppress
from typing import Any

QUIET_S = 2.0  # without a byte of the client, after which the connection is closed
TLS_QUIET_S = 0.5  # the same over TLS, where the client cannot be told before that no more will come
MOST_S = 30.0  # in which a client may go on sending what is not read any more
MOST_BYTES = 64 * 1024 * 1024
READ_S = 30.0  # in which a client must read what has been sent; then it is cut off


class Lingering:
    """A transport whose `close` says that no more will be sent, and waits until the client has nothing more to send.

    Args:
        transport: the connection's own.
        loop: that it runs in.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._is_finished = False
        self._quiet_s = QUIET_S if transport.can_write_eof() else TLS_QUIET_S
        self._discarded = 0
        self._unsent: list[bytes] = []
        self._heard = self._last = 0.0  # by the loop's clock: when the client sent its last, and when it ends anyway

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether no more will be sent."""
        return self._timer is not None or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send, where there is still somebody; what is written in one turn of the loop goes out as one."""
        if not self._unsent:
            self._loop.call_soon(self.flush)
        self._unsent.append(data)

    def close(self) -> None:
        """Send no more, and close it when the client sends no more either."""
        if self.is_closing():
            return
        if self._is_finished:
            self.end()
            return
        self._heard = self._loop.time()
        self._last = self._heard + MOST_S
        self._timer = self._loop.call_later(self._quiet_s, self._end_when_quiet)
        self.flush()
        if self._transport.can_write_eof():
            with suppress(OSError):  # the client has gone
                self._transport.write_eof()
        self._transport.resume_reading()

    def discard(self, data: bytes) -> None:
        """Throw away what the client still sends; end the connection when it is too much."""
        self._heard = self._loop.time()
        self._discarded += len(data)
        if self._discarded > MOST_BYTES:
            self._transport.abort()

    def finish(self) -> None:
        """The client sends no more: nothing of it is to be waited for."""
        self._is_finished = True

    def end(self) -> None:
        """Close it at once; what has been written is sent before, to a client that reads it."""
        self.forget()
        self.flush()
        self._transport.close()
        self._timer = self._loop.call_later(READ_S, self._transport.abort)

    def forget(self) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def flush(self) -> None:
        """Send now what has been written."""
        if self._unsent and not self._transport.is_closing():
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def _end_when_quiet(self) -> None:
        now = self._loop.time()
        rest = min(self._heard + self._quiet_s, self._last) - now
        if rest <= 0:
            self.end()
        else:
            self._timer = self._loop.call_later(rest, self._end_when_quiet)
