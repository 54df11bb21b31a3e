"""At Ray's proxies: every request has one id, which its answer carries once, whoever gives it.

Ray's own middleware writes the id that a request came with on its answer, however unsound, or one that it makes; a
replica would write one, too.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from groupnl.server.observed.account import ID_HEADER, request_id_of

Message = MutableMapping[str, Any]
_NAME = ID_HEADER.encode()


class OneId:
    """An ASGI application before all others of a proxy, which sees what the client sends and gets.

    Args:
        app: the others.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """One request; see the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _NAME), b"")
        named = _NAME, request_id_of(given.decode("latin-1")).encode()

        async def send_with_id(message: Message) -> None:
            await send(_with(named, message) if message["type"] == "http.response.start" else message)

        await self._app(_with(named, scope), receive, send_with_id)


def without_id(message: Message) -> Message:
    """A message of ASGI without the request's id among its headers."""
    if "headers" not in message:
        return message
    return {**message, "headers": [pair for pair in message["headers"] if pair[0].lower() != _NAME]}


def _with(named: tuple[bytes, bytes], message: Message) -> Message:
    return {**message, "headers": [*without_id(message).get("headers", ()), named]}
