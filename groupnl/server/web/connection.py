"""uvicorn's connection, for clients that are slow, unclear, or gone.

uvicorn and httptools read HTTP. What is added here: limits of time and size before a request is whole, one form of
error for what cannot be read, in its turn after earlier requests of the connection, and an end that lets the client
read the last answer: a socket that is closed with unread bytes in it resets the connection, and the answer may be lost.
"""

import asyncio
import time
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from groupnl.errors import HeadersTooLargeError, RefusedError, SlowRequestError
from groupnl.server.web.exchange import BEGAN, REFUSAL, is_kept_of_old

HEADERS_BYTES = 32 * 1024  # of one request, its first line included
HEADERS_S = 10.0  # from the first byte of a request, or from the connection's begin, to the end of its headers
LINGER_S = 2.0  # in which a client may go on sending what is not read any more
LINGER_BYTES = 64 * 1024 * 1024


class Connection(HttpToolsProtocol):
    """One connection; see uvicorn for what it takes and does."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_bytes = 0  # of the request whose headers are being read
        self._in_head = True
        self._is_refused = False  # nothing that comes after it is read
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        super().connection_made(_Lingering(transport, self.loop))  # type: ignore[arg-type]
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; whoever computes an answer for it learns that nobody waits."""
        self._stop_timer()
        self.transport.forget()  # type: ignore[attr-defined]
        for cycle, _ in self.pipeline:
            cycle.disconnected = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of one request's head only up to a limit."""
        if self.transport.is_closing():
            self.transport.discard(data)  # type: ignore[attr-defined]
            return
        if self._is_refused:
            return
        if self._in_head:
            self._head_bytes += len(data)
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # the parser takes what follows for another protocol
        except httptools.HttpParserError as error:
            self._refuse(RefusedError(f"The request cannot be read as HTTP/1.1: {error}."))
        if self._in_head and self._head_bytes > HEADERS_BYTES:
            self._refuse(_head_too_large())

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        if self._head_timer is None:
            self._expect_head()
        super().on_message_begin()
        self.scope["state"][BEGAN] = time.perf_counter()

    def on_headers_complete(self) -> None:
        """Its headers are whole: it is given to the application, or waits for its turn."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEADERS_BYTES:
            self.scope["state"][REFUSAL] = _head_too_large()  # all of it came at once
        super().on_headers_complete()
        if is_kept_of_old(self.scope):
            self.cycle.keep_alive = self.parser.should_keep_alive()

    def on_message_complete(self) -> None:
        """It is whole."""
        super().on_message_complete()
        self._in_head = True

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEADERS_S, self._head_is_late)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.flow.read_paused:  # it is we who do not read: earlier requests wait for their answers
            self._expect_head()
        elif self._head_bytes:
            self._refuse(SlowRequestError(f"The headers were not here after {HEADERS_S:g} s; send them faster."))
        else:
            self.transport.close()

    def _refuse(self, error: RefusedError) -> None:
        """Answer what cannot be read, after the answers to all that was read before; then end the connection."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        self._stop_timer()

        scope: Any = {
            "type": "http",
            "method": "GET",
            "path": "",
            "headers": [],
            "http_version": "1.1",
            "client": self.client,
            "state": {REFUSAL: error},
        }
        unfinished = self.cycle
        if unfinished is not None and not unfinished.response_complete and unfinished.more_body:
            unfinished.disconnected = True  # a body that broke off in its middle: nothing of it is answered
            unfinished.message_event.set()
            self.cycle = None  # type: ignore[assignment]
        cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        before, self.cycle = self.cycle, cycle
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.pipeline.appendleft((cycle, self.app))


def _head_too_large() -> HeadersTooLargeError:
    return HeadersTooLargeError(f"The headers have more than {HEADERS_BYTES // 1024} KiB.")


class _Lingering:
    """A transport whose `close` says that no more will be sent, and waits until the client has nothing more to send.

    Args:
        transport: the connection's own.
        loop: that it runs in.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._discarded = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._timer is not None or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing():
            return
        self._timer = self._loop.call_later(LINGER_S, self._transport.close)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()

    def discard(self, data: bytes) -> None:
        """Throw away what the client still sends; end the connection when it is too much."""
        self._discarded += len(data)
        if self._discarded > LINGER_BYTES:
            self._transport.abort()

    def forget(self) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
