"""What answers beside our own server, in threads: applications of WSGI."""

from collections.abc import Callable, Iterable
from typing import Any

from groupnl.server.web.answer import Answer

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


def respond(answer: Answer, start_response: StartResponse) -> Iterable[bytes]:
    """Send an answer as WSGI does."""
    headers = {"content-type": answer.kind, "content-length": str(len(answer.body)), **answer.headers}
    start_response(f"{answer.status:d} {'Refused' if answer.code else 'OK'}", [*headers.items()])
    return [answer.body]
