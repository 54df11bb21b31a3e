"""Connections: slow senders, idle ones, those that go on sending, answers in the order of the requests, TLS."""

import contextlib
import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.certificates import make_certificate
from support.front import BAD, Front, play
from support.http_thread import http_thread
from support.raw_requests import PING
from support.raw_socket import HEADERS_END, raw_socket
from support.waiting import until

from groupnl.server.certificate import Certificate, trusting
from groupnl.server.pool.ticket import Ticket
from groupnl.server.web import connection, http_server, lingering

PUT = b"PUT /predictions/owls HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
MIB = 1024 * 1024


@contextlib.contextmanager
def _served(front: Front) -> Iterator[int]:
    with http_thread(front.app) as port:
        yield port


def test_a_slow_head_is_told_and_an_idle_connection_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEADERS_S", 0.5)
    with _served(Front()) as port:
        with raw_socket(port) as client:
            client.send(b"GET /ping HTTP/1.1\r\nHos")
            status, headers, body = client.answer()
            assert (status, json.loads(body)["code"], headers["connection"]) == (408, "request_timeout", "close")
            assert client.is_closed()
        with raw_socket(port) as client:
            assert client.is_closed()


def test_a_head_that_never_ends_is_slow_however_it_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEADERS_S", 0.3)
    with _served(Front()) as port, raw_socket(port) as client:
        client.send(b"GET /ping HTTP/1.1\r\n")
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < began + 0.8:
                client.send(b"a: b\r\n")
                time.sleep(0.05)
        assert client.answer()[0] == 408


def test_a_kept_connection_is_closed_when_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 0.2)
    with _served(Front()) as port, raw_socket(port) as client:
        client.send(PING)
        assert client.answer()[0] == 200
        assert client.is_closed()


def test_blank_lines_do_not_keep_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor are they a request: nobody waits for an answer to them."""
    monkeypatch.setattr(connection, "HEADERS_S", 0.2)
    for before in (0, 1):
        with _served(Front()) as port, raw_socket(port) as client:
            client.send(PING * before + b"\r\n" * 2)
            for _ in range(before):
                assert client.answer()[0] == 200
                client.send(b"\r\n")
            assert client.is_closed()


@pytest.mark.parametrize("begun", [b"G", b"\r\nGET /ping HTTP/1.1\r\n"])
def test_a_head_that_begins_behind_blank_lines_is_slow(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(connection, "HEADERS_S", 0.2)
    with _served(Front()) as port, raw_socket(port) as client:
        client.send(PING)
        assert client.answer()[0] == 200
        client.send(b"\r\n")
        client.send(begun)
        assert client.answer()[0] == 408
        assert client.is_closed()


def test_half_a_body_is_told_and_nothing_of_it_runs() -> None:
    front = Front(body_s=0.2)
    with _served(front) as port, raw_socket(port) as client:
        client.send(PUT % 5 + b"ima")
        assert client.answer()[0] == 408
        client.send(b"ge" + PING)
        assert client.is_closed()
    assert front.pool.parts == []


def test_a_refusal_reaches_a_client_that_sends_megabytes() -> None:
    front = Front()
    with _served(front) as port:
        for size in (1 * MIB, 40 * MIB):
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
                client.request("PUT", "/predictions/owls", bytes(size))  # sends all before it reads
                response = client.getresponse()
                assert (response.status, json.loads(response.read())["code"]) == (413, "too_large")
    assert front.pool.parts == []


def test_a_refusal_reaches_a_client_that_sends_slowly() -> None:
    with _served(Front()) as port, raw_socket(port) as client:
        client.send(PUT % (3 * MIB))
        for _ in range(30):  # longer than a quiet client is waited for
            client.send(bytes(100_000))
            time.sleep(0.1)
        assert client.answer()[0] == 413


def test_answers_come_in_the_order_of_the_requests() -> None:
    front = Front()
    waiting: list[Ticket] = []
    front.pool.answers = waiting.append
    with _served(front) as port, raw_socket(port) as client:
        client.send(PUT % 5 + b"image" + PING + PUT % 3 + BAD + PING)
        until(lambda: waiting)
        time.sleep(0.3)
        assert len(waiting) == 1  # nothing overtakes it
        front.pool.answers = play
        _loop_call(waiting[0])
        assert [client.answer()[0] for _ in range(4)] == [200, 200, 415, 200]


def test_what_was_asked_before_an_unclear_request_is_answered_first() -> None:
    front = Front()
    waiting: list[Ticket] = []
    front.pool.answers = waiting.append
    for unclear in (
        b"BAD\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"PUT / HTTP/1.1\r\n\r\n",
    ):
        waiting.clear()
        with _served(front) as port, raw_socket(port) as client:
            client.send(PUT % 5 + b"image" + unclear + PING)
            until(lambda: waiting)
            _loop_call(waiting[0])
            assert [client.answer()[0] for _ in range(2)] == [200, 400]
            assert client.is_closed()


def test_no_more_requests_wait_than_a_connection_may_have() -> None:
    front = Front()
    waiting: list[Ticket] = []
    front.pool.answers = waiting.append
    with _served(front) as port, raw_socket(port) as client:
        client.send(PUT % 5 + b"image" + PING * 5000)
        until(lambda: waiting)
        _loop_call(waiting[0])
        answered = 0
        while (answer := client.answer())[0] == 200:
            answered += 1
        status, headers, body = answer
        assert (status, json.loads(body)["code"], headers["connection"]) == (503, "queue_full", "close")
        assert connection.MOST_WAITING < answered < 5000
        assert client.is_closed()


def test_what_cannot_be_read_is_noted_without_its_query() -> None:
    front = Front()
    with _served(front) as port, raw_socket(port) as client:
        client.send(b"GET /ping?secret=1 HTTP/1.1\r\n\r\n")
        assert client.answer()[0] == 400
    assert [account.path for account in front.accounts] == ["/ping"]


@pytest.mark.parametrize("rest", [b"", b"PUT /pred", PUT % 5 + b"ima"], ids=["nothing", "half a head", "half a body"])
def test_a_client_that_asks_no_more_is_answered(rest: bytes) -> None:
    with _served(Front()) as port, socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(PING + PUT % 5 + b"image" + rest)
        client.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"200", b"200"]


def test_a_client_that_has_gone_is_given_up() -> None:
    front = Front()
    waiting: list[Ticket] = []
    front.pool.answers = waiting.append
    with _served(front) as port:
        with raw_socket(port) as client:
            client.send(PUT % 5 + b"image")
            until(lambda: bool(waiting))
        until(lambda: waiting[0].answer.cancelled())


def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WRITE_S", 0.2)
    front = Front()
    with _served(front) as port, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(60)
        client.connect(("127.0.0.1", port))
        asked = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 200
        with pytest.raises(ConnectionError):
            _send_for_ever(client, asked)
        until(lambda: front.state.in_hand == 0)


def test_nor_is_one_that_reads_no_last_answer_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for it is too little for the transport to tell that it does not read."""
    monkeypatch.setattr(lingering, "QUIET_S", 0.1)
    monkeypatch.setattr(lingering, "READ_S", 0.2)
    body = bytes(60_000)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    with http_thread(app, send_bytes=4096) as port, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(60)
        client.connect(("127.0.0.1", port))
        client.sendall(PING)
        time.sleep(1.5)
        received = b""
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(65536):
                received += piece
    assert 0 < len(received) < len(body)


def test_over_tls_a_new_certificate_is_shown_and_nobody_is_cut_off(tmp_path: Path) -> None:
    chain, key = make_certificate(tmp_path, "one")
    certificate = Certificate(chain, key)
    with http_thread(Front().app, certificate.context) as port:
        before = _tls(port, trusting(chain))
        assert _answer_to(before, PING).startswith(b"HTTP/1.1 200")
        for path, new in zip((chain, key), make_certificate(tmp_path, "two"), strict=True):
            new.replace(path)
        certificate.reload()
        after = _tls(port, trusting(chain))  # trusts the new one alone
        assert _answer_to(after, PING).startswith(b"HTTP/1.1 200")
        assert _answer_to(before, PING).startswith(b"HTTP/1.1 200")
        assert _answer_to(after, PUT % (8 * MIB) + bytes(8 * MIB)).startswith(b"HTTP/1.1 413")
        assert after.recv(1) == b""  # ended, not cut off
        before.close()
        after.close()


def test_plain_http_on_a_port_of_tls_harms_nobody(tmp_path: Path) -> None:
    certificate = Certificate(*make_certificate(tmp_path, "one"))
    with http_thread(Front().app, certificate.context) as port:
        with raw_socket(port) as client:
            client.send(PING)
            with contextlib.suppress(ConnectionError):
                assert HEADERS_END not in client._file.read()
        with _tls(port, trusting(certificate.files[0])) as client:
            assert _answer_to(client, PING).startswith(b"HTTP/1.1 200")


def _tls(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=60))


def _answer_to(client: ssl.SSLSocket, content: bytes) -> bytes:
    client.sendall(content)
    head = b""
    while HEADERS_END not in head:
        head += client.recv(65536)
    head, _, body = head.partition(HEADERS_END)
    match = re.search(rb"content-length: (\d+)", head)
    assert match
    while len(body) < int(match[1]):
        body += client.recv(65536)
    return head


def _send_for_ever(client: socket.socket, content: bytes) -> None:
    while True:
        client.sendall(content)


def _loop_call(ticket: Ticket) -> None:
    """Answer a ticket in the server's thread."""
    ticket.answer.get_loop().call_soon_threadsafe(play, ticket)
