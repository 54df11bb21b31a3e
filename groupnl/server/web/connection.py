"""uvicorn's connection, for clients that are slow, unclear, or gone.

uvicorn and httptools read HTTP. What is added here: limits of time and size before a request is whole, one form of
error for what cannot be read, in its turn after earlier requests of the connection, and an end that lets the client
read the last answer: a socket that is closed with unread bytes in it resets the connection, and the answer may be lost.
"""

import asyncio
import time
from collections import deque
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from groupnl.errors import HeadersTooLargeError, QueueFullError, RefusedError, SlowRequestError
from groupnl.server.web.exchange import BEGAN, PRESENCE, REFUSAL, is_kept_of_old
from groupnl.server.web.lingering import Lingering
from groupnl.server.web.presence import Presence
from groupnl.server.web.request_head import framing, head_fault

HEADERS_BYTES = 32 * 1024  # of one request, its first line included
_HEADER_BYTES = 4  # of each header beside its name and value
CHUNK_SHARE = 1  # bytes around each byte of a chunked body, beside HEADERS_BYTES: lengths, extensions, trailers
HEADERS_S = 10.0  # from the first byte of a request, or from the connection's begin, to the end of its headers
WRITE_S = 30.0  # in which a client must read what waits for it, or at least the most of it
MOST_WAITING = 256  # requests of a connection that wait for their turn
GONE_S = 0.5  # in which a client that sends no more is still answered; most of those have gone


class Connection(HttpToolsProtocol):
    """One connection; see uvicorn for what it takes and does."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._presence = Presence(self._read_again)
        self._head_bytes = 0  # of the request whose headers are being read
        self._fed_bytes = 0  # of the request whose body is being read; those that came with its headers are left out
        self._body_bytes = 0  # of that body
        self._in_head = True
        self._has_begun = False  # the request whose headers are being read: more has come than blank lines before it
        self._framing = b""  # of a body that the parser leaves out, because its request asks for another protocol
        self._is_repeated = False  # what the parser reads now has been read before
        self._is_refused = False  # nothing that comes after it is read
        self._head_timer: asyncio.TimerHandle | None = None
        self._gone_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        super().connection_made(Lingering(transport, self.loop))  # type: ignore[arg-type]
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; whoever computes an answer for it learns that nobody waits."""
        self._stop_timer()
        self._presence.end()
        for timer in (self._gone_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self.transport.forget()  # type: ignore[attr-defined]
        for cycle, _ in self.pipeline:
            cycle.disconnected = True
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more: it has gone, or has asked all that it wants to ask and waits for the answers.

        Returns:
            Whether the connection stays open for them.
        """
        self.transport.flush()  # type: ignore[attr-defined]
        if not self._give_up_unfinished() or not self.transport.can_write_eof():
            return False
        self.cycle.keep_alive = False
        self.transport.finish()  # type: ignore[attr-defined]
        self._gone_timer = self.loop.call_later(GONE_S, self.transport.end)  # type: ignore[attr-defined]
        return True

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of one request's head only up to a limit."""
        if self.transport.is_closing():
            self.transport.discard(data)  # type: ignore[attr-defined]
            return
        if self._is_refused:
            return
        if self._in_head:
            self._head_bytes += len(data)
        else:
            self._fed_bytes += len(data)
        self._unset_keepalive_if_required()
        if self._in_head and self._head_timer is None and not self._is_answering:
            self._expect_head()  # also where what has come begins no request: blank lines, which the parser leaves out
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            self._refuse(RefusedError(f"The request cannot be read as HTTP/1.1: {error}."))
        if self._in_head and self._head_bytes > HEADERS_BYTES:
            self._refuse(_head_too_large())
        if not self._in_head and self._fed_bytes > HEADERS_BYTES + self._body_bytes * (1 + CHUNK_SHARE):
            self._refuse(HeadersTooLargeError("There is too much around the chunks of the body."))

    def pause_writing(self) -> None:
        """The client does not read what is sent."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(WRITE_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._is_repeated or self._is_refused:
            return
        self._in_head = self._has_begun = True
        if self._head_timer is None:
            self._expect_head()
        super().on_message_begin()
        self._fed_bytes = self._body_bytes = 0
        self.scope["state"] |= {BEGAN: time.perf_counter(), PRESENCE: self._presence}

    def on_url(self, url: bytes) -> None:
        """A part of its address."""
        if not self._is_repeated:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of it; those behind a body are left out, because nobody has checked them with the others."""
        if self._in_head and not self._is_repeated:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Its headers are whole: it is given to the application, or waits for its turn."""
        if self._is_refused or self._is_repeated:
            return
        self._in_head = self._has_begun = False
        self._head_bytes = 0
        self._stop_timer()
        if len(self.url) + sum(len(name) + len(value) + _HEADER_BYTES for name, value in self.headers) > HEADERS_BYTES:
            self._refuse(_head_too_large())  # all of it came at once
            return
        method, version = self.parser.get_method().decode("ascii"), self.parser.get_http_version()
        fault = head_fault(method, self.url, version, self.headers)
        if fault is None and len(self.pipeline) >= MOST_WAITING:
            fault = QueueFullError(f"{MOST_WAITING} requests of this connection wait for their turn; send no more.")
        if fault is not None:
            self._refuse(fault, method, self.url)
            return
        self._framing = framing(self.headers) if self.parser.should_upgrade() else b""
        super().on_headers_complete()
        if is_kept_of_old(self.scope):
            self.cycle.keep_alive = self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        if not self._is_refused:
            self._body_bytes += len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """It is whole."""
        if self._framing:
            return
        if not self._is_refused:
            super().on_message_complete()
        self._in_head = True

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _read_again(self) -> None:
        self.flow.resume_reading()

    def _feed(self, data: bytes) -> None:
        """Let the parser read; a wish for another protocol is left out, as if nobody had told it."""
        while data and not self._is_refused:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._read_on()
            else:
                return

    def _read_on(self) -> None:
        """Take a new parser behind a wish for another protocol: where there is a body, it is to read that first."""
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
        if self._framing:
            self._is_repeated = True
            self.parser.feed_data(b"PUT / HTTP/1.1\r\n" + self._framing + b"\r\n\r\n")
            self._is_repeated = False
            self._framing = b""

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
        elif self._has_begun:
            self._refuse(SlowRequestError(f"The headers were not here after {HEADERS_S:g} s; send them faster."))
        else:
            self.transport.close()

    def _refuse(self, error: RefusedError, method: str = "GET", target: bytes = b"") -> None:
        """Answer what cannot be read, after the answers to all that was read before; then end the connection.

        Args:
            error: the answer.
            method: of the request, for the log; where it is known.
            target: of the request, for the log.
        """
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        self._stop_timer()

        scope: Any = {
            "type": "http",
            "method": method,
            "path": target.partition(b"?")[0].decode("latin-1"),
            "headers": [],
            "http_version": "1.1",
            "client": self.client,
            "state": {REFUSAL: error, PRESENCE: self._presence},
        }
        is_busy = self._give_up_unfinished()
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
        cycle.more_body = False
        self.cycle = cycle
        if is_busy:
            self.pipeline.appendleft((cycle, self.app))
        else:
            self._start_asgi_task(cycle, self.app)

    def _give_up_unfinished(self) -> bool:
        """Answer nothing of a body that broke off in its middle; whether a request before it waits for its answer."""
        last = self.cycle
        if last is None or last.response_complete:
            return False
        if not last.more_body:
            return True
        last.disconnected = True
        last.message_event.set()
        waiting = len(self.pipeline)
        self.pipeline = deque(pair for pair in self.pipeline if pair[0] is not last)
        return len(self.pipeline) < waiting


def _head_too_large() -> HeadersTooLargeError:
    return HeadersTooLargeError(f"The headers have more than {HEADERS_BYTES // 1024} KiB.")
