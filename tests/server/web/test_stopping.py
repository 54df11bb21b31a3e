"""The end of a listening socket: who is still taken, who is waited for, and what who is cut off may read."""

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from support.certificates import make_certificate
from support.front import Front
from support.raw_requests import PING

from groupnl.server.certificate import Certificate
from groupnl.server.web import http_server
from groupnl.server.web.http_server import HttpServer

LONG_S = 60.0
During = Callable[[HttpServer, int], Awaitable[None]]


def _serve(app: Any, during: During, tls: ssl.SSLContext | None = None) -> None:
    """A server as `groupnl serve` runs it: when it has ended, its loop ends at once."""

    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
            server = HttpServer(app, listener, tls)
            serving = asyncio.create_task(server.serve())
            try:
                await asyncio.sleep(0.1)
                await during(server, listener.getsockname()[1])
            finally:
                server.end()
                await serving

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@contextmanager
def _client(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=LONG_S) as client:
        yield client


@pytest.mark.parametrize("speaks_tls", [False, True])
def test_whoever_waits_to_be_taken_is_answered_and_nonsense_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speaks_tls: bool
) -> None:
    monkeypatch.setattr(http_server, "QUIET_S", 0.2)
    received: list[bytes] = []

    async def during(server: HttpServer, port: int) -> None:
        with _client(port) as client:  # the loop has not seen it yet
            client.sendall(PING)
            assert await server.drain(lambda: 0, LONG_S)
            client.settimeout(0.5)
            received.append(await asyncio.to_thread(_all_of, client))

    tls = Certificate(*make_certificate(tmp_path, "one")).context if speaks_tls else None
    _serve(Front().app, during, tls)
    assert received[0].startswith(b"HTTP/1.1 200 ") is not speaks_tls


class _Aborting:
    """A listening socket whose first in the queue has gone, as systems other than Linux tell."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._aborted = 1

    def accept(self) -> tuple[socket.socket, Any]:
        if self._aborted:
            self._aborted = 0
            raise ConnectionAbortedError
        return self._listener.accept()

    def close(self) -> None:
        self._listener.close()


def test_whoever_waits_behind_one_that_has_gone_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "QUIET_S", 0.2)
    received: list[bytes] = []

    async def during(server: HttpServer, port: int) -> None:
        monkeypatch.setattr(server, "_rest", _Aborting(server._rest))
        with _client(port) as client:
            client.sendall(PING)
            assert await server.drain(lambda: 0, LONG_S)
            client.settimeout(0.5)
            received.append(await asyncio.to_thread(_all_of, client))

    _serve(Front().app, during)
    assert received[0].startswith(b"HTTP/1.1 200 ")


def _all_of(client: socket.socket) -> bytes:
    received = b""
    try:
        while piece := client.recv(65536):
            received += piece
    except (TimeoutError, ConnectionError):
        pass
    return received


def test_an_upload_that_is_cut_off_is_told_why() -> None:
    front = Front(body_s=LONG_S)
    answers: list[bytes] = []

    def upload(client: socket.socket) -> None:
        """As many clients do: nothing is read before all has been sent."""
        with client:
            for _ in range(20):
                client.sendall(bytes(100))
                time.sleep(0.1)
            answers.append(_all_of(client))

    async def during(server: HttpServer, port: int) -> None:
        client = socket.create_connection(("127.0.0.1", port), timeout=LONG_S)
        client.sendall(b"PUT /predictions/owls HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n")
        sending.append(threading.Thread(target=upload, args=(client,)))
        sending[0].start()
        front.state.is_stopping = True
        assert not await server.drain(lambda: front.state.in_hand, 0.2)

    sending: list[threading.Thread] = []
    _serve(front.app, during)
    sending[0].join()
    head, _, body = answers[0].partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert json.loads(body)["code"] == "stopping"
    assert front.pool.parts == []
