"""`POST /labels`: who may send labels, how much of it is read, and what is answered."""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from groupnl.errors import (
    EncodedBodyError,
    ForbiddenError,
    MethodError,
    QueueFullError,
    RefusedError,
)
from groupnl.server.keys.key import METRICS
from groupnl.server.keys.keys import Keys
from groupnl.server.labels.body import read_labels
from groupnl.server.labels.incoming import Incoming
from groupnl.server.labels.labels import Taken
from groupnl.server.web.answer import internal_error, json_answer, refusal
from groupnl.server.web.door import check_key
from groupnl.server.web.hosts import Hosts
from groupnl.server.wsgi import StartResponse, WsgiApp, respond

logger = logging.getLogger(__name__)
PATH = "/labels"
_MOST_AT_ONCE = 4  # bodies that are read
_LONGEST = 80  # signs of what a client has written


class TakesLabels(Protocol):
    """Who joins labels: a service, or whoever asks several."""

    def take(self, contents: Sequence[Any]) -> Taken:
        """Join labels, which are as they were sent."""


def labels_page(labels: TakesLabels, hosts: Hosts | None = None, keys: Keys | None = None) -> WsgiApp:
    """The WSGI application that takes labels.

    Args:
        labels: joins them.
        hosts: names under which it may be asked; None: any.
        keys: one of them, with the scope for metrics, must be shown; None: none.
    """
    places = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def answer(request: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        incoming = Incoming(request)
        try:
            _check(request, hosts, keys)
            if not places.acquire(blocking=False):
                raise QueueFullError("Too many labels are on their way; try again soon.")
            try:
                found = json_answer(labels.take(read_labels(incoming.body()))._asdict())
            finally:
                places.release()
        except RefusedError as error:
            return _refused(respond(refusal(error), start_response), incoming)
        except OSError:
            logger.exception("labels could not be joined")
            found = internal_error()
        return respond(found, start_response)

    return answer


def _refused(answer: Iterable[bytes], incoming: Incoming) -> Iterator[bytes]:
    """The answer, and then what the client still sends: a connection that is closed before that may lose the answer."""
    yield from answer
    incoming.discard()


def _check(request: dict[str, Any], hosts: Hosts | None, keys: Keys | None) -> None:
    if request["REQUEST_METHOD"] != "POST":
        raise MethodError(["POST"])
    if hosts is not None and (host := request.get("HTTP_HOST", "")) not in hosts:
        raise ForbiddenError(f"Labels are not taken under the name {host[:_LONGEST]!r}.")
    if (origin := request.get("HTTP_ORIGIN")) is not None:
        raise ForbiddenError(f"Pages may not ask here, also not those of {origin[:_LONGEST]!r}.")
    if keys is not None:
        check_key(keys, METRICS, request.get("HTTP_AUTHORIZATION"))
    if (coding := request.get("HTTP_CONTENT_ENCODING", "identity")) != "identity":
        raise EncodedBodyError(f"The body is encoded ({coding[:40]!r}); send it as it is.")
