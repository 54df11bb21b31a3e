"""The metrics of all processes at one address: what the workers wrote, added up, and what the server itself counts.

Beside them, whatever else an operator's programs ask for or send: `also`.
"""

import logging
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import ThreadingWSGIServer

from groupnl.errors import RefusedError
from groupnl.metrics import Detail
from groupnl.server.keys.key import METRICS
from groupnl.server.keys.keys import Keys
from groupnl.server.observed.kept_counts import KeptCounts
from groupnl.server.observed.metrics_page import metrics_page
from groupnl.server.web.answer import refusal
from groupnl.server.web.door import check_key
from groupnl.server.wsgi import StartResponse, WsgiApp, respond

logger = logging.getLogger(__name__)
# A scrape computes for some 50 ms beside the server's thread, which would else wait for Python's lock up to 5 ms each
# time that it needs it: with a scrape every 0.4 s, p99 of the quickest requests was 20 ms instead of 6 to 8.
SWITCH_S = 0.0005
SILENCE_S = 10.0  # of a client, after which nobody waits for it
SWEEP_S = 5.0  # between two looks for workers whose end nobody told


class MetricsEndpoint:
    """An HTTP server of `/metrics`.

    Args:
        kept: what the workers have counted.
        host: address to listen on.
        port: port to listen on.
        keys: one of them, with the scope for it, must be shown; None: none.
        detail: how much of it the page has.

    Attributes:
        registry: of everything that is counted; the server that counts by itself registers its own metrics there.
        also: path -> what answers there beside the metrics, and asks for keys by itself; to be filled before the start.
    """

    def __init__(
        self, kept: KeptCounts, host: str, port: int, keys: Keys | None = None, detail: Detail = "cells"
    ) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(kept.workers)
        self.registry.register(kept)  # the second, so that it keeps what the first has shown
        self.also: dict[str, WsgiApp] = {}
        self._kept = kept
        self._address = (host, port)
        self._keys = keys
        self._detail: Detail = detail
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._switch_s = sys.getswitchinterval()  # as it was
        self._is_closed = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="sweeper", daemon=True)

    @property
    def port(self) -> int:
        """On which it listens; 0: it does not yet, and will on any that is free."""
        return self._address[1] if self._server is None else self._server.server_port

    def start(self) -> None:
        """Listen, in a thread of its own. Raises OSError when the port is taken."""
        host, port = self._address
        app = metrics_page(self.registry, self._detail)
        app = app if self._keys is None else with_keys(app, self._keys)
        self._server = make_server(host, port, by_path(self.also, app), QuietServer, QuietHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()
        self._sweeper.start()
        sys.setswitchinterval(SWITCH_S)

    def close(self) -> None:
        """Stop listening, and keep what has been counted to the end."""
        self._is_closed.set()
        sys.setswitchinterval(self._switch_s)
        if self._server is not None and self._thread is not None:
            self._sweeper.join()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._kept.save()

    def _sweep(self) -> None:
        """So that no scrape has to do it for many at once, and that counts are kept where nobody scrapes."""
        while not self._is_closed.wait(SWEEP_S):
            try:
                self._kept.workers.sweep()
                self._kept.save_at_times()
            except Exception:
                logger.exception("what workers have counted could not be moved or kept; it is tried again")


class QuietServer(ThreadingWSGIServer):
    """Keeps more than five connections until they are accepted: others wait a second before they try again."""

    request_queue_size = 128


class QuietHandler(WSGIRequestHandler):
    """Writes no line for each scrape, nor for a client that sends nothing or goes."""

    timeout = SILENCE_S

    def handle(self) -> None:
        """Answer one request."""
        with suppress(TimeoutError, ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def by_path(apps: Mapping[str, WsgiApp], otherwise: WsgiApp) -> WsgiApp:
    """The application that answers at each path, and the one for all others."""

    def answer(request: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return apps.get(request["PATH_INFO"], otherwise)(request, start_response)

    return answer


def with_keys(app: WsgiApp, keys: Keys) -> WsgiApp:
    """The application, for those who show a key."""

    def answer(request: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            check_key(keys, METRICS, request.get("HTTP_AUTHORIZATION"))
        except RefusedError as error:
            return respond(refusal(error), start_response)
        return app(request, start_response)

    return answer
