"""The ASGI application: from an address to what answers it, and from an error to its answer."""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from groupnl.errors import MethodError, NotFoundError, RefusedError
from groupnl.server.web.answer import Answer, internal_error, refusal
from groupnl.server.web.exchange import Exchange, GoneError, Receive, Scope, Send
from groupnl.server.web.state import State

logger = logging.getLogger(__name__)
# Takes the request and the named parts of its address; answers, or raises RefusedError.
Endpoint = Callable[..., Awaitable[Answer]]


class Route(NamedTuple):
    """An address and what answers it.

    Attributes:
        path: regular expression of the whole path; its named groups go to the endpoint.
        methods: that it takes.
        endpoint: answers.
    """

    path: re.Pattern[str]
    methods: tuple[str, ...]
    endpoint: Endpoint


class App:
    """Answers HTTP requests.

    Args:
        routes: every address.
        state: of the server.
    """

    def __init__(self, routes: Sequence[Route], state: State) -> None:
        self._routes = routes
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; see the ASGI specification."""
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        self._state.in_hand += 1
        try:
            answer = await self._answer(exchange)
            await exchange.reply(answer, close=self._state.is_stopping)
        except GoneError:
            logger.info("a client has gone before its answer")
        finally:
            self._state.in_hand -= 1

    async def _answer(self, exchange: Exchange) -> Answer:
        try:
            return await self._endpoint(exchange)
        except RefusedError as error:
            return refusal(error)
        except GoneError:
            raise
        except Exception:
            logger.exception("a request could not be answered")
            return internal_error()

    async def _endpoint(self, exchange: Exchange) -> Answer:
        for route in self._routes:
            if match := route.path.fullmatch(exchange.path):
                if exchange.method not in route.methods:
                    raise MethodError(route.methods)
                return await route.endpoint(exchange, **match.groupdict())
        raise NotFoundError(f"There is nothing at {exchange.path[:80]!r}.")
