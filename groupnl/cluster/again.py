"""At Ray's proxies: a question whose replica has died is asked again, of another one.

Predictions change nothing, so they may be asked twice. Where a replica is gone, the proxy's application returns without
an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.middleware import Middleware

from groupnl.cluster.one_id import OneId
from groupnl.errors import NoWorkerError
from groupnl.server.web.answer import refusal

TRIES = 5
PAUSE_S = 0.2  # in which proxies learn of a death

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def middlewares() -> list[Middleware]:
    """What proxies put before their application; named by `RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`."""
    return [Middleware(Again), Middleware(OneId)]


class Again:
    """An ASGI application that asks another one again where its answer was lost.

    Args:
        app: the proxy's application.
    """

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; see the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive)
        for _ in range(TRIES):
            answer = _Answer(send)
            await self._app({**scope, "headers": list(scope["headers"])}, body.from_its_beginning(), answer)
            if answer.is_sent or body.is_over:
                return
            await asyncio.sleep(PAUSE_S)
        await _refuse(send)


class _Body:
    """A request's messages, which can be received again.

    Attributes:
        is_over: the client has gone.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []
        self.is_over = False

    def from_its_beginning(self) -> Receive:
        passed = 0

        async def receive() -> Message:
            nonlocal passed
            while passed >= len(self._messages):
                self._messages.append(await self._receive())
                self.is_over = self._messages[-1]["type"] == "http.disconnect"
            passed += 1
            return self._messages[passed - 1]

        return receive


class _Answer:
    """Sends an answer on, from its first piece: a head alone may still be lost."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None
        self.is_sent = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        self.is_sent = True
        if self._head is not None:
            await self._send(self._head)
            self._head = None
        await self._send(message)


async def _refuse(send: Send) -> None:
    answer = refusal(NoWorkerError("The replicas that were asked have ended; try again in some seconds."))
    headers = [(b"content-type", answer.kind.encode()), (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
