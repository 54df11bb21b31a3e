"""`POST /labels` on the metrics port: who may send, what is read of it, and that nobody holds it up."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from groupnl.server import metrics_endpoint
from groupnl.server.keys.key import METRICS, PREDICT
from groupnl.server.keys.keys import Keys
from groupnl.server.keys.secret import new_secret
from groupnl.server.labels import incoming
from groupnl.server.labels.labels import Taken
from groupnl.server.labels.page import PATH, labels_page
from groupnl.server.metrics_endpoint import MetricsEndpoint
from groupnl.server.observed.kept_counts import KeptCounts
from groupnl.server.observed.worker_files import WorkerFiles
from groupnl.server.web.hosts import LOOPBACK, Hosts
from groupnl_studies.harness.ports import free_ports

LABEL = json.dumps({"model": "tiny", "key": "one", "label": "red"}).encode()


class Answer(NamedTuple):
    status: int
    content: Any
    headers: http.client.HTTPMessage


class Sent:
    """Takes the place of what joins labels."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.labels: list[Any] = []
        self.before: Callable[[], None] = lambda: None

    def take(self, labels: list[Any]) -> Taken:
        self.before()
        self.labels += labels
        return Taken(len(labels), 0, [])


@contextmanager
def _endpoint(folder: Path, sent: Sent, keys: Keys | None = None) -> Iterator[int]:
    (port,) = free_ports(1)
    endpoint = MetricsEndpoint(KeptCounts(WorkerFiles(folder / "metrics")), "127.0.0.1", port, keys)
    endpoint.also[PATH] = labels_page(sent, Hosts(LOOPBACK), keys)  # type: ignore[arg-type]
    endpoint.start()
    try:
        yield port
    finally:
        endpoint.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Sent]]:
    sent = Sent()
    with _endpoint(tmp_path_factory.mktemp("endpoint"), sent) as port:
        yield port, sent


@pytest.fixture
def port(running: tuple[int, Sent]) -> int:
    return running[0]


@pytest.fixture
def sent(running: tuple[int, Sent]) -> Sent:
    """What the endpoint has taken in this test."""
    running[1].reset()
    return running[1]


def _post(port: int, body: bytes = LABEL, method: str = "POST", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, PATH, body, named)
        response = connection.getresponse()
        return Answer(response.status, json.loads(response.read()), response.headers)


def test_labels_are_taken(port: int, sent: Sent) -> None:
    answer = _post(port)
    assert (answer.status, answer.content) == (200, {"joined": 1, "unknown": 0, "refused": []})
    assert answer.headers["content-type"] == "application/json"
    assert sent.labels == [json.loads(LABEL)]


def test_the_metrics_are_where_they_were(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", "/metrics")
        assert connection.getresponse().status == 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example"}, 403, "forbidden"),
        ({"Origin": "https://evil.example"}, 403, "forbidden"),
        ({"Origin": "null"}, 403, "forbidden"),
        ({"Content_Encoding": "gzip"}, 415, "encoded_body"),
        ({"Transfer_Encoding": "chunked"}, 411, "length_required"),
        ({"Content_Length": "-1"}, 411, "length_required"),
        ({"Content_Length": str(incoming.MOST_BYTES + 1)}, 413, "too_large"),
        ({"Content_Length": "9" * 5000}, 413, "too_large"),
    ],
)
def test_who_may_not_send(
    port: int, sent: Sent, headers: dict[str, str], status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_endpoint.QuietHandler, "timeout", 0.2)
    answer = _post(port, **headers)
    assert (answer.status, answer.content["code"]) == (status, code)
    assert sent.labels == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_json"),
        (b"model=tiny", 400, "bad_json"),
        (b"3", 422, "bad_content"),
        (b"[" + b"0," * 10_000 + b"0]", 413, "too_large"),
    ],
)
def test_what_holds_no_labels(port: int, sent: Sent, body: bytes, status: int, code: str) -> None:
    answer = _post(port, body)
    assert (answer.status, answer.content["code"]) == (status, code)
    assert sent.labels == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods(port: int, method: str) -> None:
    answer = _post(port, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("size", [incoming.MOST_BYTES + 1, 8 * incoming.MOST_BYTES])
def test_who_sends_too_much_reads_why(port: int, size: int) -> None:
    assert _post(port, b" " * size).status == 413


def test_as_much_as_may_be_is_read(port: int, sent: Sent) -> None:
    assert _post(port, LABEL.ljust(incoming.MOST_BYTES)).status == 200
    assert len(sent.labels) == 1


def test_a_key_with_the_scope_is_needed_where_there_are_keys(tmp_path: Path) -> None:
    sent = Sent()
    good, other = new_secret(), new_secret()
    keys = Keys(None, f"a {METRICS} {good};b {PREDICT} {other}")
    with _endpoint(tmp_path / "keys", sent, keys) as guarded:
        assert _post(guarded, LABEL.ljust(incoming.MOST_BYTES)).status == 401
        assert _post(guarded, Authorization=f"Bearer {other}").status == 403
        assert sent.labels == []
        assert _post(guarded, Authorization=f"Bearer {good}").status == 200


def test_what_we_cannot_do_is_no_fault_of_the_client(port: int, sent: Sent, caplog: pytest.LogCaptureFixture) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    sent.before = full
    answer = _post(port)
    assert (answer.status, answer.content["code"]) == (500, "internal")
    assert "labels could not be joined" in caplog.text
    assert "No space left" not in str(answer.content)


def _opened(port: int, rest: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.sendall(b"POST /labels HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n" + rest)
    return client


def test_who_is_silent_is_told(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_endpoint.QuietHandler, "timeout", 0.2)
    with _opened(port, b"[") as client:
        assert client.makefile("rb").readline().startswith(b"HTTP/1.0 408 ")


def test_who_sends_slowly_is_told(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "MOST_S", 0.0)
    with _opened(port, b"[") as client:
        assert client.makefile("rb").readline().startswith(b"HTTP/1.0 408 ")


def test_who_goes_is_forgotten(port: int, sent: Sent, capfd: pytest.CaptureFixture[str]) -> None:
    _opened(port, b"[").close()
    socket.create_connection(("127.0.0.1", port)).close()
    assert _post(port).status == 200
    assert len(sent.labels) == 1
    assert "Traceback" not in capfd.readouterr().err


def test_few_at_a_time(port: int, sent: Sent) -> None:
    taken, go_on = threading.Semaphore(0), threading.Event()

    def wait() -> None:
        taken.release()
        go_on.wait(20)

    sent.before = wait
    statuses: list[int] = []
    clients = [threading.Thread(target=lambda: statuses.append(_post(port).status)) for _ in range(4)]
    for client in clients:
        client.start()
    for _ in clients:
        assert taken.acquire(timeout=20)
    refused = _post(port)
    go_on.set()
    for client in clients:
        client.join()
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert statuses == [200] * 4
    assert _post(port).status == 200
