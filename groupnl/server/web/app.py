"""The ASGI application: from an address to what answers it, and from an error to its answer."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from groupnl.errors import MethodError, NotFoundError, RefusedError, StoppingError
from groupnl.metrics import OTHER
from groupnl.server.observed.watch import Watch
from groupnl.server.web.answer import Answer, internal_error, refusal
from groupnl.server.web.cors import Cors
from groupnl.server.web.door import Door
from groupnl.server.web.exchange import Exchange, GoneError, Receive, Scope, Send
from groupnl.server.web.proxies import Proxies
from groupnl.server.web.state import State

logger = logging.getLogger(__name__)
# Takes the request and the named parts of its address; answers, or raises RefusedError.
Endpoint = Callable[..., Awaitable[Answer]]


def _as_it_is(answer: Answer) -> Answer:
    return answer


class Route(NamedTuple):
    """An address and what answers it.

    Attributes:
        path: regular expression of the whole path; its named groups go to the endpoint.
        methods: that it takes.
        endpoint: answers.
        in_its_form: brings an error into the form that the address's protocol demands.
        protocol: how images are asked about there, for the counts; one of `groupnl.metrics.PROTOCOLS`.
        is_open: to everybody, without a key and under any name.
        is_health: it tells how the service is: open to everybody, and logged when it is otherwise than before.
    """

    path: re.Pattern[str]
    methods: tuple[str, ...]
    endpoint: Endpoint
    in_its_form: Callable[[Answer], Answer] = _as_it_is
    protocol: str = OTHER
    is_open: bool = False
    is_health: bool = False


class App:
    """Answers HTTP requests.

    Args:
        routes: every address.
        state: of the server.
        watch: learns of every request.
        door: lets requests in.
        cors: the pages that may ask.
        proxies: that may say who asks.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        state: State,
        watch: Watch,
        door: Door,
        cors: Cors = Cors(()),  # noqa: B008 (immutable)
        proxies: Proxies = Proxies(),  # noqa: B008
    ) -> None:
        self._routes = routes
        self._door = door
        self._cors = cors
        self._proxies = proxies
        self._state = state
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; see the ASGI specification."""
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send, self._proxies)
        account = exchange.account
        self._watch.begin(account)
        self._state.in_hand += 1
        try:
            answer = self._cors.finish(exchange, await self._answer(exchange))
            account.status, account.code, account.bytes_out = answer.status, answer.code, len(answer.body)
            answer = answer._replace(headers={**answer.headers, **account.headers})
            await exchange.reply(answer, close=self._state.is_stopping or exchange.refusal is not None)
        except GoneError:
            pass  # its account tells that it has had no answer
        finally:
            self._state.in_hand -= 1
            self._watch.end(account)

    async def _answer(self, exchange: Exchange) -> Answer:
        if exchange.refusal is not None:
            return refusal(exchange.refusal)
        for route in self._routes:
            if match := route.path.fullmatch(exchange.path):
                return await self._answer_at(route, exchange, match.groupdict())
        try:
            self._door.check(exchange)
            raise NotFoundError(f"There is nothing at {exchange.path[:80]!r}.")
        except RefusedError as error:
            return refusal(error)

    async def _answer_at(self, route: Route, exchange: Exchange, named: Mapping[str, str | None]) -> Answer:
        if preflight := self._cors.preflight(exchange, route.methods):
            return preflight
        exchange.account.protocol = route.protocol
        try:
            return await self._let_in(route, exchange, named)
        except RefusedError as error:
            return route.in_its_form(refusal(error))
        except GoneError:
            raise
        except asyncio.CancelledError:  # the time for stopping is over
            if not self._state.is_stopping:
                raise
            return route.in_its_form(refusal(StoppingError("The service has stopped before there was an answer.")))
        except Exception:
            logger.exception("request %s could not be answered", exchange.account.request_id)
            return route.in_its_form(internal_error())

    async def _let_in(self, route: Route, exchange: Exchange, named: Mapping[str, str | None]) -> Answer:
        if not (route.is_open or route.is_health):
            self._door.check(exchange)
        if exchange.method not in route.methods:
            raise MethodError(route.methods)
        exchange.account.is_health = route.is_health
        return await route.endpoint(exchange, **named)
