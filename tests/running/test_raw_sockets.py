"""The unclear requests at a running server of our own: nothing of a refused one runs, and it serves on."""

import concurrent.futures
import json
import socket
from contextlib import suppress

import pytest
from PIL import Image
from support.pictures import encode, scene
from support.raw_requests import CASES, SMUGGLED, Case
from support.raw_socket import raw_socket
from support.server import Server, only_ours
from support.waiting import until

pytestmark = only_ours
LAST = "/the-last-of-all"
PHOTO = encode(Image.fromarray(scene()), "PNG")


@pytest.fixture(scope="module")
def pids(server: Server) -> list[int]:
    return server.workers("tiny")


def test_nothing_is_smuggled(server: Server, pids: list[int]) -> None:
    cases = [case for case in CASES if 413 not in case.statuses]  # a real model takes more
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda case: _send(server.inference, case), cases))
    assert server.predict("tiny", PHOTO).status == 200
    assert server.workers("tiny") == pids
    assert server.ask(LAST, method="GET").status == 404

    def paths() -> list[str]:
        return [json.loads(line)["path"] for line in (server.logs / "access.log").read_text().splitlines()]

    until(lambda: LAST in paths())
    assert len(paths()) > len(cases)
    assert SMUGGLED not in paths()


def test_answers_come_in_the_order_of_the_requests(server: Server) -> None:
    ping = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
    image = b"PUT /predictions/tiny HTTP/1.1\r\nHost: a\r\nX-Top-K: %d\r\nContent-Length: %d\r\n\r\n"
    with raw_socket(server.inference) as client:
        client.send(b"".join(ping + image % (count, len(PHOTO)) + PHOTO for count in range(1, 8)) + b"BAD\r\n\r\n")
        for count in range(1, 8):
            assert json.loads(client.answer()[2]) == {"status": "Healthy"}
            assert len(json.loads(client.answer()[2])) == count
        assert client.answer()[0] == 400
        assert client.is_closed()


def _send(port: int, case: Case) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection, suppress(ConnectionError):
        connection.sendall(case.content.replace(b"owls", b"tiny"))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
