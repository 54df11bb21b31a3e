"""Pages of other sites that may ask the service from a browser; the Fetch standard says how they are let in."""

from collections.abc import Sequence

from groupnl.server.web.answer import Answer
from groupnl.server.web.exchange import Exchange

ANY = "*"
MAX_AGE_S = 600  # for which a browser need not ask again
_EXPOSED = "x-model-version, x-request-id, traceparent, retry-after, inference-header-content-length"


class Cors:
    """Lets pages in, by their origin.

    Args:
        origins: such as ``https://example.org``; ``*``: of any site.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)

    def preflight(self, exchange: Exchange, methods: Sequence[str]) -> Answer | None:
        """The answer to a browser that asks what it may ask; None where this is no such question.

        Args:
            exchange: the request.
            methods: that its address takes.
        """
        if exchange.method != "OPTIONS" or "access-control-request-method" not in exchange.headers:
            return None
        if self._origin(exchange) is None:
            return None
        headers = {
            "access-control-allow-methods": ", ".join(methods),
            "access-control-allow-headers": exchange.headers.get("access-control-request-headers", ANY),
            "access-control-max-age": str(MAX_AGE_S),
        }
        return Answer(204, b"", headers)

    def finish(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer, for the page that asked."""
        if not self._origins:
            return answer
        headers = {"vary": "origin"}
        if origin := self._origin(exchange):
            headers |= {"access-control-allow-origin": origin, "access-control-expose-headers": _EXPOSED}
        return answer._replace(headers={**answer.headers, **headers})

    def _origin(self, exchange: Exchange) -> str | None:
        """What is let in; None: nothing."""
        if ANY in self._origins:
            return ANY
        origin = exchange.headers.get("origin")
        return origin if origin in self._origins else None
