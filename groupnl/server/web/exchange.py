"""One request and its answer, over ASGI."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from groupnl.errors import BodyTooLargeError, DeadlineError, RefusedError, SlowRequestError
from groupnl.server.observed.account import Account
from groupnl.server.web.answer import Answer
from groupnl.server.web.arriving import Arriving
from groupnl.server.web.presence import Presence
from groupnl.server.web.proxies import Proxies

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
MIB = 1024 * 1024
# Beside what ASGI says of a request, in the scope's `state`: when its first byte came, by `time.perf_counter`; why it
# is refused whatever it asks for; and its client's `Presence`.
BEGAN = "began"
REFUSAL = "refusal"
PRESENCE = "presence"


class GoneError(Exception):
    """The client has closed the connection: nobody waits for an answer."""


class Exchange:
    """A request, read piece by piece, and the way to answer it.

    Args:
        scope: of ASGI.
        receive: of ASGI.
        send: of ASGI.
        proxies: that may say who asks.

    Attributes:
        method: in capitals.
        path: decoded, without the query.
        query: what stands behind the path's question mark, as it came.
        headers: lower-case name -> value; the first where a name stands twice.
        is_read: whether the whole body has been read.
        refusal: why it cannot be answered, whatever it asks for.
        account: what is known of it, for the log.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, proxies: Proxies) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        self.headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            self.headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
        self.is_read = self.headers.get("content-length", "0") == "0" and "transfer-encoding" not in self.headers
        state = scope.get("state", {})
        self.refusal: RefusedError | None = state.get(REFUSAL)
        self.account = Account.open(
            self.method,
            self.path,
            proxies.client(scope["client"][0] if scope.get("client") else "", functools.partial(_values, scope)),
            self.headers,
            state.get(BEGAN) or time.perf_counter(),
        )
        self._is_kept_of_old = is_kept_of_old(scope)
        self._presence: Presence | None = state.get(PRESENCE)
        self._receive = receive
        self._send = send

    async def body(self, most: int, seconds: float, arriving: Arriving) -> bytes:
        """The body.

        Args:
            most: bytes; more are refused, as early as can be.
            seconds: within which it must be here.
            arriving: all bodies that are on their way.

        Raises:
            QueueFullError: too much of others is on its way.
            BodyTooLargeError: it is larger.
            SlowRequestError: it took longer.
            GoneError: it will never be whole.
        """
        if int(self.headers.get("content-length", "0")) > most:  # a number: the parser has checked that
            raise _too_large(most)
        try:
            with arriving.body() as take:
                async with asyncio.timeout(seconds):
                    return await self._read(most, take)
        except TimeoutError:
            raise SlowRequestError(f"The body was not here after {seconds:g} s; send it faster.") from None

    async def wait_for(self, answer: "asyncio.Future[Any]", seconds: float) -> None:
        """Wait until the future is done; it is cancelled where nobody waits any more.

        The body must have been read.

        Raises:
            DeadlineError: it is not after so many seconds.
            GoneError: the client has gone.
        """
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        gone = functools.partial(_end, over, GoneError())
        late = over.get_loop().call_later(seconds, _end, over, DeadlineError())
        answer.add_done_callback(functools.partial(_end, over, None))
        try:
            with self._watched(gone):
                await over
        finally:
            late.cancel()
            answer.cancel()

    async def reply(self, answer: Answer, *, close: bool) -> None:
        """Send the answer.

        Args:
            answer: what is sent.
            close: whether the connection ends with it.
        """
        fields = {"content-type": answer.kind, "content-length": str(len(answer.body)), **answer.headers}
        if answer.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            fields = dict(answer.headers)
        if close or not self.is_read:
            fields["connection"] = "close"
        elif self._is_kept_of_old:
            fields["connection"] = "keep-alive"
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
        await self._send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
        await self._send({"type": "http.response.body", "body": answer.body})

    @contextmanager
    def _watched(self, gone: Callable[[], None]) -> Iterator[None]:
        """Learn that the client has gone: from our connections at once, from another ASGI server by asking it.

        To ask takes a task, and that 30 microseconds of each answer.
        """
        if self._presence is not None:
            with self._presence.watched(gone):
                yield
            return
        asking = asyncio.ensure_future(self._receive())
        asking.add_done_callback(lambda _: gone())
        try:
            yield
        finally:
            asking.cancel()

    async def _read(self, most: int, take: Callable[[int], None]) -> bytes:
        pieces = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise GoneError
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            take(len(pieces[-1]))
            self.account.bytes_in = size
            if size > most:
                raise _too_large(most)
            if not message.get("more_body", False):
                self.is_read = True
                self.account.read = time.perf_counter()
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _end(over: "asyncio.Future[None]", error: Exception | None, *_: object) -> None:
    if over.done():
        return
    if error is None:
        over.set_result(None)
    else:
        over.set_exception(error)


def is_kept_of_old(scope: Mapping[str, Any]) -> bool:
    """Whether a client of HTTP/1.0 asks that its connection be kept; a body without a length ends it in any case."""
    if scope["http_version"] != "1.0":
        return False
    headers = dict(scope["headers"])
    return headers.get(b"connection", b"").lower() == b"keep-alive" and b"transfer-encoding" not in headers


def _values(scope: Scope, name: str) -> list[str]:
    """What all headers of a name say."""
    return [value.decode("latin-1") for found, value in scope["headers"] if found == name.encode()]


def _too_large(most: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"The request has more than {most / MIB:g} MiB, which is the limit.")
