"""What our HTTP makes of bytes that are no clear request: refused as one thing, in its turn, and nothing of it runs."""

import json
import logging
import random
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from support.front import Front
from support.http_thread import http_thread
from support.raw_requests import CASES, SMUGGLED, Case

TARGETS: list[str] = []  # that have run
PIECES = (
    b"\r\n",
    b"\n",
    b"\0",
    b" ",
    b":",
    b"0\r\n\r\n",
    b"Content-Length: 3\r\n",
    b"Upgrade: h2c\r\nConnection: upgrade\r\n",
)


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


def test_what_is_changed_by_chance_is_answered_or_ended(port: int, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(1)
    contents = [case.content for case in CASES if len(case.content) < 10_000]
    for _ in range(1500):
        content = b"".join(_changed(chance.choice(contents), chance) for _ in range(chance.randrange(1, 4)))
        for status, body in _answers(_received(port, content, chance.choice([None, None, 7, 100]))):
            assert status != 500
            assert status < 400 or json.loads(body)["message"]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def _changed(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randrange(4)):
        place = chance.randrange(len(changed) or 1)
        match chance.randrange(3):
            case 0:
                changed[place : place + 1] = chance.randbytes(1)
            case 1:
                del changed[place : place + chance.randrange(1, 6)]
            case _:
                changed[place:place] = chance.choice(PIECES)
    return bytes(changed)


def _ask(port: int, content: bytes, piece: int | None) -> list[tuple[int, bytes]]:
    """The answers until the server ends the connection, as it must: the client says that it has no more to ask."""
    return list(_answers(_received(port, content, piece)))


def _received(port: int, content: bytes, piece: int | None) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(content), piece or len(content) or 1):
            connection.sendall(content[start : start + (piece or len(content))])
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def _answers(received: bytes) -> Iterator[tuple[int, bytes]]:
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        match = re.search(rb"content-length: (\d+)", head)
        size = int(match[1]) if match else 0
        if status != 100:
            yield status, rest[:size]
        received = rest[size:]
