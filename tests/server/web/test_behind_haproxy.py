"""The unclear requests again, through a real HAProxy: what it lets through, both understand alike."""

import re
import secrets
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from support.front import Front
from support.haproxy import program
from support.http_thread import http_thread
from support.raw_requests import CASES, Case

from groupnl.server.web.exchange import REFUSAL
from groupnl_studies.harness.haproxy import haproxy

pytestmark = pytest.mark.slow
SECRET = secrets.token_hex(16)  # the proxy writes it into each request that it passes on: one in a body has it not
STRAY: list[str] = []  # requests that have run and were none to the proxy
# As it is handed out, and as it is worst: connections to the service are shared by all clients, nothing is denied.
SETTINGS = {
    "strict": {},
    "shared": {
        "option http-server-close": "http-reuse always",
        "http-request d": "# http-request d",
        "option http-b": "#",
    },
}


@pytest.fixture(scope="module", params=SETTINGS)
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    front = Front()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        given = [value for name, value in scope["headers"] if name == b"x-proxied"]
        if given != [SECRET.encode()] and REFUSAL not in scope["state"]:
            STRAY.append(scope["path"])
        await front.app(scope, receive, send)

    marked = {"default_backend": f"http-request set-header x-proxied {SECRET}\n    default_backend"}
    changes = SETTINGS[request.param] | marked
    folder = tmp_path_factory.mktemp("proxy")
    with http_thread(app) as service, haproxy(program(), folder, (service,), changes) as port:
        yield port


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_is_smuggled(port: int, case: Case) -> None:
    STRAY.clear()
    _ask(port, case.content, 0.1)
    # Whoever asks next, perhaps on the same connection of the proxy, gets the answer to what they ask.
    for _ in range(2):
        name = secrets.token_hex(8)
        answer = _ask(port, f"GET /{name} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(), 10)
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert name.encode() in answer
        assert len(re.findall(rb"HTTP/1\.1 \d", answer)) == 1
    assert STRAY == []


def _ask(port: int, content: bytes, patience_s: float) -> bytes:
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=patience_s) as connection:
        try:
            connection.sendall(content)
            while piece := connection.recv(65536):
                received += piece
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass  # the proxy waits for more, or has refused before all was sent
    return received
