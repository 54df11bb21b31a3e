"""A real listening socket with our HTTP around a played application, in a thread of this process."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from groupnl.server.web.http_server import HttpServer


@contextmanager
def http_thread(
    app: Callable[..., Any], tls: ssl.SSLContext | None = None, send_bytes: int | None = None
) -> Iterator[int]:
    """The port where the application is served.

    Args:
        app: the application.
        tls: that it speaks; None: none.
        send_bytes: that the system takes of an answer which nobody reads; None: as usual.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    if send_bytes is not None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
    loops: list[tuple[asyncio.AbstractEventLoop, HttpServer]] = []
    is_up = threading.Event()

    async def serve() -> None:
        server = HttpServer(app, listener, tls)
        loops.append((asyncio.get_running_loop(), server))
        is_up.set()
        await server.serve()
        while server.connections:  # they wait until their clients are quiet
            await asyncio.sleep(0.02)

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    is_up.wait()
    try:
        yield listener.getsockname()[1]
    finally:
        loop, server = loops[0]
        loop.call_soon_threadsafe(server.end)
        thread.join()
        listener.close()
