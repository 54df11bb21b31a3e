"""`/metrics`, made once for all who ask for it at the same time: half of a scrape's time goes into its text."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, make_wsgi_app

from groupnl.metrics import Detail
from groupnl.server.observed.detail import Shown
from groupnl.server.observed.shared_result import SharedResults
from groupnl.server.wsgi import StartResponse, WsgiApp

_Page = tuple[str, list[tuple[str, str]], bytes]
_ASKED = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING")


def metrics_page(registry: CollectorRegistry, detail: Detail) -> WsgiApp:
    """The WSGI application that shows what is registered.

    Args:
        registry: with everything.
        detail: how much of it is shown.
    """
    app: WsgiApp = make_wsgi_app(Shown(registry, detail))
    pages = SharedResults[_Page]()

    def answer(request: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        asked = tuple(request.get(name) for name in _ASKED)
        status, headers, body = pages(asked, lambda: _page(app, request))
        start_response(status, headers)
        return [body]

    return answer


def _page(app: WsgiApp, request: dict[str, Any]) -> _Page:
    head: list[tuple[str, list[tuple[str, str]]]] = []
    body = b"".join(app(request, lambda status, headers: head.append((status, headers))))
    status, headers = head[-1]
    return status, headers, body
