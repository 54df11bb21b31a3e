"""What our HTTP makes of bytes that are no clear request: refused as one thing, in its turn, and nothing of it runs."""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from support.front import Front
from support.http_thread import http_thread
from support.raw_requests import CASES, SMUGGLED, Case

TARGETS: list[str] = []  # that have run


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    front = Front()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        TARGETS.append(scope["path"])
        await front.app(scope, receive, send)

    with http_thread(app) as port:
        yield port


@pytest.mark.parametrize("piece", [None, 1], ids=["at once", "in bytes"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_answered(port: int, case: Case, piece: int | None) -> None:
    if piece and len(case.content) > 10_000:
        pytest.skip("takes long in bytes")
    TARGETS.clear()
    answers = _ask(port, case.content, piece)
    assert [status for status, _ in answers] == case.statuses
    assert SMUGGLED not in TARGETS
    for status, body in answers:
        if status >= 400:
            error = json.loads(body)
            assert set(error) == {"code", "message"}
            assert error["message"].endswith(".")


def _ask(port: int, content: bytes, piece: int | None) -> list[tuple[int, bytes]]:
    """The answers until the server ends the connection, as it must: the client says that it has no more to ask."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(content), piece or len(content)):
            connection.sendall(content[start : start + (piece or len(content))])
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    return list(_answers(received))


def _answers(received: bytes) -> Iterator[tuple[int, bytes]]:
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        match = re.search(rb"content-length: (\d+)", head)
        size = int(match[1]) if match else 0
        if status != 100:
            yield status, rest[:size]
        received = rest[size:]
