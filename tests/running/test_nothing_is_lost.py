"""Our own server under load, while something happens to it: every answer is counted, and none is lost or wrong."""

import collections
import functools
import http.client
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from PIL import Image
from support.load import Load
from support.pictures import encode, scene
from support.server import STOP_LIMIT_S, Answer, Server, living, only_ours, serving
from support.waiting import until

from groupnl import cli

pytestmark = only_ours
CLIENTS = 32
PATIENT = {"X-Request-Timeout-Ms": "60000"}
Start = Callable[..., Server]


@pytest.fixture(scope="module")
def photos() -> dict[bytes, str | None]:
    """Pictures with different best classes; which, the first answers tell."""
    picture = Image.fromarray(scene())
    return {encode(picture.rotate(40 * turn), "PNG"): None for turn in range(4)}


@pytest.fixture
def one(start: Start, store: Path) -> Server:
    """For a test that ends it."""
    server = start(*_options(store))
    server.wait_for("Ctrl-C stops")
    return server


@pytest.fixture(scope="module")
def _lasting(kind: str, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("lasting"), *_options(store), kind=kind) as server:
        yield server


@pytest.fixture
def lasting(_lasting: Server) -> Server:
    """Of all tests that leave it whole, with its two workers."""
    until(lambda: len(_lasting.workers("tiny")) == 2 and _lasting.count("requests_in_hand") == 0)
    return _lasting


@pytest.fixture(scope="module")
def narrow(kind: str, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One image at a time, and few wait."""
    options = ("--models", "tiny", "--workers", "1", "--batch-size", "1", "--queue-size", "12")
    with serving(tmp_path_factory.mktemp("narrow"), "--model-store", str(store), *options, kind=kind) as server:
        yield server


@pytest.fixture(scope="module")
def two_models(kind: str, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ("--models", "tiny", "leaver", "--workers", "2")
    with serving(tmp_path_factory.mktemp("two"), "--model-store", str(store), *options, kind=kind) as server:
        yield server


def _options(store: Path) -> list[str]:
    return ["--model-store", str(store), "--models", "tiny", "--workers", "2", "--max-batch-delay-ms", "1"]


def _load(server: Server, photos: dict[bytes, str | None]) -> Load:
    return Load(server.inference, {photo: server.predict("tiny", photo).content for photo in photos}, CLIENTS)


class Held:
    """An image that a worker has, and answers no sooner than it is told to."""

    def __init__(self, server: Server, photo: bytes, go: Path) -> None:
        self.answers: list[Answer] = []
        self._go = go
        body = b"held %b " % bytes(go) + photo
        self._thread = threading.Thread(target=lambda: self.answers.append(server.predict("tiny", body)))
        self._thread.start()
        until(lambda: server.count("requests_in_hand") == 1)

    def let_go(self) -> None:
        self._go.touch()

    def wait(self) -> list[Answer]:
        """What the client was answered."""
        self._thread.join()
        return self.answers


def test_stop_answers_all_that_was_asked(one: Server, photos: dict[bytes, str | None]) -> None:
    with _load(one, photos) as load:
        before = load.seen[200]
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(STOP_LIMIT_S) == 0
    assert before > 0
    assert set(load.seen) == {200, "refused"}


def test_ready_is_false_and_answers_end_connections_while_it_stops(
    one: Server, photos: dict[bytes, str | None], tmp_path: Path
) -> None:
    photo = next(iter(photos))
    held = Held(one, photo, tmp_path / "go")
    with _connected(one) as asking, _connected(one) as predicting:  # soon it listens no more
        one.process.send_signal(signal.SIGTERM)
        while (ready := _asked(asking, "GET", "/ready")).status == 200:
            time.sleep(0.05)
        assert (ready.status, ready.getheader("Connection"), ready.getheader("Retry-After")) == (503, "close", "5")
        answer = _asked(predicting, "PUT", "/predictions/tiny", photo)
        assert (answer.status, answer.getheader("Connection")) == (200, "close")
    assert one.process.poll() is None  # who is computed is waited for
    held.let_go()
    assert one.process.wait(STOP_LIMIT_S) == 0
    assert [answer.status for answer in held.wait()] == [200]


@contextmanager
def _connected(server: Server) -> Iterator[http.client.HTTPConnection]:
    """A connection that stays open."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.inference, timeout=60)) as connection:
        assert _asked(connection, "GET", "/ready").status == 200
        yield connection


def _asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> http.client.HTTPResponse:
    connection.request(method, path, body)
    response = connection.getresponse()
    response.read()
    return response


@pytest.mark.timeout(300)
def test_killed_workers_cost_no_answer(lasting: Server, photos: dict[bytes, str | None]) -> None:
    with _load(lasting, photos) as load:
        for _ in range(2):
            first = lasting.workers("tiny")[0]
            os.kill(first, signal.SIGKILL)
            until(functools.partial(_has_two_but, lasting, first), 120)  # beside the load; alone it takes seconds
    assert set(load.seen) == {200}


def _has_two_but(server: Server, gone: int) -> bool:
    return len({*server.workers("tiny")} - {gone}) == 2


def test_an_item_that_kills_is_refused_and_quarantined(lasting: Server, photos: dict[bytes, str | None]) -> None:
    with _load(lasting, photos) as load:
        first = lasting.predict("tiny", b"leave")
        assert (first.status, first.content["code"]) == (500, "crashed")
        while (again := lasting.predict("tiny", b"leave")).status == 503:
            time.sleep(0.1)
        assert (again.status, again.content["code"]) == (500, "crashed")
        alive = lasting.workers("tiny")
        assert lasting.predict("tiny", b"leave").status == 500
        assert lasting.workers("tiny") >= alive
    assert set(load.seen) <= {200, 503}  # both workers were being restarted for a while


@pytest.mark.timeout(180)
def test_reload_fails_no_answer(lasting: Server, store: Path, photos: dict[bytes, str | None], tmp_path: Path) -> None:
    broken = tmp_path / "broken.mar"
    broken.write_bytes((store / "tiny.mar").read_bytes()[:-100])
    before = lasting.workers("tiny")
    with _load(lasting, photos) as load:
        words = ["reload", f"tiny={store / 'tiny.mar'}", "--inference-port", str(lasting.inference)]
        assert cli.main(words) == 0
        after = lasting.workers("tiny")
        assert not set(after) & set(before)
        words[1] = f"tiny={broken}"
        assert cli.main(words) == 1
        assert lasting.workers("tiny") == after
    assert set(load.seen) == {200}


@pytest.mark.timeout(600)
def test_reload_waits_for_a_body_that_is_on_its_way(narrow: Server, photos: dict[bytes, str | None]) -> None:
    while (answer := _amid_a_reload(narrow, next(iter(photos)))).startswith(b"HTTP/1.1 408 "):
        pass  # on a busy machine: the body's own time was over before the new version could answer
    assert answer.startswith(b"HTTP/1.1 200 ")


def _amid_a_reload(server: Server, photo: bytes) -> bytes:
    """How an answer begins whose request has come in part when a reload begins, and whole when it is done."""
    reload = threading.Thread(target=server.manage, args=("POST", "/models/tiny/reload"))
    with socket.create_connection(("127.0.0.1", server.inference), timeout=60) as client:
        head = f"PUT /predictions/tiny HTTP/1.1\r\nHost: x\r\nContent-Length: {len(photo)}\r\n\r\n"
        client.sendall(head.encode() + photo[:100])
        until(lambda: server.count("requests_in_hand") == 1)
        reload.start()
        # The new version answers who asks for none.
        until(lambda: len(server.manage("GET", "/models/tiny").content) == 2 or not reload.is_alive())
        with suppress(OSError):
            client.sendall(photo[100:])
        answer = client.recv(100)
    reload.join()
    return answer


def test_what_is_not_answered_when_the_time_is_over(
    start: Start, store: Path, photos: dict[bytes, str | None], tmp_path: Path
) -> None:
    server = start("--model-store", str(store), "--models", "tiny", "--workers", "1", "--drain-s", "1")
    server.wait_for("Ctrl-C stops")
    held = Held(server, next(iter(photos)), tmp_path / "never")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(STOP_LIMIT_S) == 0
    assert [(answer.status, answer.content["code"]) for answer in held.wait()] == [(503, "stopping")]


def test_hang_up_reloads_what_has_changed(start: Start, store: Path, tmp_path: Path) -> None:
    archive = tmp_path / "own.mar"
    shutil.copy(store / "tiny.mar", archive)
    server = start("--models", f"own={archive}", "--workers", "1")
    server.wait_for("Ctrl-C stops")
    before = server.workers("own")
    shutil.copy(store / "leaver.mar", archive)  # the same model in another file
    os.kill(server.process.pid, signal.SIGHUP)
    until(lambda: server.workers("own") not in (before, []))
    assert server.process.poll() is None


def test_more_than_it_can_do(narrow: Server, photos: dict[bytes, str | None]) -> None:
    photo = next(iter(photos))
    answers: collections.Counter[int] = collections.Counter()

    def ask() -> None:
        answers[narrow.predict("tiny", b"slow 0.2 " + photo).status] += 1

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {200, 503}
    assert answers.total() == 30
    assert narrow.predict("tiny", photo).status == 200


def test_deadlines(lasting: Server, photos: dict[bytes, str | None]) -> None:
    photo = next(iter(photos))
    late = lasting.predict("tiny", b"slow 2 " + photo, {"X-Request-Timeout-Ms": "300"})
    assert (late.status, late.content["code"]) == (504, "deadline")
    assert lasting.predict("tiny", photo, {"X-Request-Timeout-Ms": "30000"}).status == 200
    wrong = lasting.predict("tiny", photo, {"X-Request-Timeout-Ms": "-1"})
    assert (wrong.status, wrong.content["code"]) == (400, "bad_request")
    assert "'-1'" in wrong.content["message"]


def test_a_client_that_has_gone_is_not_computed(
    narrow: Server, photos: dict[bytes, str | None], tmp_path: Path
) -> None:
    photo = next(iter(photos))
    computed, gone = (narrow.count(name) for name in ("requests_total", "abandoned_requests_total"))
    held = Held(narrow, photo, tmp_path / "go")
    waiting = []
    for _ in range(10):
        client = socket.create_connection(("127.0.0.1", narrow.inference))
        head = b"PUT /predictions/tiny HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(photo)
        client.sendall(head + photo)
        waiting.append(client)
    until(lambda: narrow.count("queue_length") == 10)
    for client in waiting:
        client.close()
    until(lambda: narrow.count("abandoned_requests_total") == gone + 10)
    held.let_go()
    assert [answer.status for answer in held.wait()] == [200]
    assert narrow.predict("tiny", photo).status == 200
    assert narrow.count("requests_total") == computed + 2


def test_idle_connections_harm_nobody(lasting: Server, photos: dict[bytes, str | None]) -> None:
    soft, _ = psutil.Process().rlimit(psutil.RLIMIT_NOFILE)
    count = min(5000, soft - 200)
    with _open(lasting.inference, count):
        assert lasting.predict("tiny", next(iter(photos))).status == 200
    assert lasting.predict("tiny", next(iter(photos))).status == 200


@contextmanager
def _open(port: int, count: int) -> Iterator[None]:
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    yield
    for client in clients:
        client.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill")
def test_kill_of_the_supervisor_frees_the_port(one: Server) -> None:
    children = psutil.Process(one.process.pid).children(recursive=True)
    one.process.kill()
    one.process.wait()
    until(lambda: not living(children, set()))
    socket.create_server(("127.0.0.1", one.inference)).close()


@pytest.mark.parametrize("busy", ["stalls", "is hammered"])
def test_other_models_keep_their_share(
    two_models: Server, photos: dict[bytes, str | None], tmp_path: Path, busy: str
) -> None:
    photo, go = next(iter(photos)), tmp_path / "go"
    slow = b"held %b " % bytes(go) + photo if busy == "stalls" else photo
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            two_models.predict("leaver", slow, PATIENT)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    until(lambda: two_models.count("requests_in_hand") >= 10)
    assert [two_models.predict("tiny", photo, PATIENT).status for _ in range(10)] == [200] * 10
    over.set()
    go.touch()
    for thread in threads:
        thread.join()
