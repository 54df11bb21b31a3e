"""One listening socket and its connections: opened, kept, and ended so that whoever has connected is still answered."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import uvicorn

from groupnl.server.web.connection import Connection

KEEP_ALIVE_S = 75  # of an idle connection: longer than a balancer's
QUIET_S = 1.0  # without a request in hand, after which those that are still connected want nothing
END_S = 1  # for connections that do not end by themselves
LAST_S = 3.0  # in which who was cut off while sending may read why
_POLL_S = 0.02


class HttpServer:
    """Serves an ASGI application on one socket.

    Args:
        app: answers.
        listener: bound, and listening.
        tls: that its connections speak; None: none.
    """

    def __init__(self, app: Callable[..., Any], listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._config = uvicorn.Config(
            app,
            ssl_context_factory=None if tls is None else lambda *_: tls,
            http=Connection,
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the application knows whom to believe
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=END_S,
        )
        self._server = uvicorn.Server(self._config)
        self._listener = listener
        self._rest = listener.dup()  # keeps the connections that the system has taken but we have not
        self._rest.setblocking(False)
        self._taken: set[asyncio.Future[None]] = set()

    @property
    def connections(self) -> int:
        """That are open."""
        return len(self._server.server_state.connections)

    async def serve(self) -> None:
        """Serve until `end`."""
        await self._server.serve(sockets=[self._listener])
        if self._server.server_state.tasks:
            await _until(lambda: not self.connections, LAST_S)

    async def drain(self, in_hand: Callable[[], int], most_s: float) -> bool:
        """Take no more connections, and wait until those that are there want nothing.

        Args:
            in_hand: requests that wait for their answer.
            most_s: the longest time.

        Returns:
            Whether all have been answered in time.
        """
        self._stop_listening()
        quiet_since = time.monotonic()
        deadline = quiet_since + most_s
        while self.connections or self._taken:
            now = time.monotonic()
            if in_hand():
                quiet_since = now
            if now - quiet_since > QUIET_S:
                break
            if now > deadline:
                return not in_hand()
            await asyncio.sleep(_POLL_S)
        return True

    def end(self) -> None:
        """Let `serve` return, with every connection closed."""
        self._server.should_exit = True
        self._rest.close()

    def _stop_listening(self) -> None:
        """Close the listening socket; who has connected before is served, and no connection is reset."""
        for server in self._server.servers if self._server.started else []:
            server.close()
        for connected in self._waiting():
            self._taken.add(taking := asyncio.ensure_future(self._take(connected)))
            taking.add_done_callback(self._taken.discard)  # the loop alone would not keep it
        self._rest.close()

    def _waiting(self) -> Iterator[socket.socket]:
        """Who has connected, and was not taken yet."""
        while True:
            try:
                yield self._rest.accept()[0]
            except ConnectionAbortedError:  # it has gone; others wait behind it
                continue
            except OSError:  # nobody waits any more, or the system gives no more connections out
                return

    async def _take(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # it has gone, or speaks no TLS
            await loop.connect_accepted_socket(self._connection, connected, ssl=self._config.ssl)

    def _connection(self) -> Connection:
        return Connection(config=self._config, server_state=self._server.server_state, app_state={})


async def _until(is_so: Callable[[], bool], most_s: float) -> None:
    deadline = time.monotonic() + most_s
    while not is_so() and time.monotonic() < deadline:
        await asyncio.sleep(_POLL_S)
