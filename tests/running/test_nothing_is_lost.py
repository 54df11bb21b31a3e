"""Our own server under load, while something happens to it: every answer is counted, and none is lost or wrong."""

import collections
import http.client
import json
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
from support.pictures import encode, scene
from support.server import Server, living, only_ours

from groupnl import cli

pytestmark = only_ours
CLIENTS = 32
Start = Callable[..., Server]


@pytest.fixture(scope="module")
def photos() -> dict[bytes, str | None]:
    """Pictures with different best classes; which, the first answers tell."""
    picture = Image.fromarray(scene())
    return {encode(picture.rotate(40 * turn), "PNG"): None for turn in range(4)}


@pytest.fixture
def one(start: Start, store: Path) -> Server:
    server = start("--model-store", str(store), "--models", "tiny", "--workers", "2", "--max-batch-delay-ms", "1")
    server.wait_for("Ctrl-C stops")
    return server


class Load:
    """Clients that ask until they are told to stop, each on a connection that stays open."""

    def __init__(self, server: Server, photos: list[bytes]) -> None:
        self.seen: collections.Counter[object] = collections.Counter()
        self._server = server
        self._photos = photos
        self._right = {photo: server.predict("tiny", photo).content for photo in photos}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _client(self, number: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self._server.inference, timeout=60)) as connection:
            while not self._over.is_set():
                number += 1
                outcome = self._ask(connection, self._photos[number % len(self._photos)])
                self.seen[outcome] += 1
                if outcome == "refused":  # nobody listens any more
                    return

    def _ask(self, connection: http.client.HTTPConnection, photo: bytes) -> object:
        try:
            if connection.sock is None:
                connection.connect()
        except ConnectionRefusedError:
            return "refused"
        except OSError as error:
            return f"no connection: {error!r}"
        try:
            connection.request("PUT", "/predictions/tiny", photo)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return f"lost: {error!r}"
        if response.status != 200:
            return response.status
        # The last digits depend on what else is in the batch.
        return 200 if json.loads(body) == pytest.approx(self._right[photo], abs=1e-5) else "another picture's answer"


def test_stop_answers_all_that_was_asked(one: Server, photos: dict[bytes, str | None]) -> None:
    with Load(one, list(photos)) as load:
        before = load.seen[200]
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(30) == 0
    assert before > 0
    assert set(load.seen) == {200, "refused"}


def test_ready_is_false_and_answers_end_connections_while_it_stops(
    one: Server, photos: dict[bytes, str | None]
) -> None:
    slow = threading.Thread(target=one.predict, args=("tiny", b"slow 3 " + next(iter(photos))))
    slow.start()
    time.sleep(0.5)
    began = time.monotonic()
    one.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    with closing(http.client.HTTPConnection("127.0.0.1", one.inference, timeout=10)) as connection:
        connection.request("GET", "/ready")
        response = connection.getresponse()
        names = ("Connection", "Retry-After")
        assert (response.status, *map(response.getheader, names)) == (503, "close", "5")
    assert one.predict("tiny", next(iter(photos))).status == 200
    assert one.process.wait(30) == 0
    assert time.monotonic() - began > 2  # the slow one was waited for
    slow.join()


@pytest.mark.timeout(300)
def test_killed_workers_cost_no_answer(one: Server, photos: dict[bytes, str | None]) -> None:
    with Load(one, list(photos)) as load:
        for _ in range(2):
            (first, *_others) = before = one.workers("tiny")
            os.kill(first, signal.SIGKILL)
            began = time.monotonic()
            while len(now := one.workers("tiny")) < 2 or first in now:
                assert time.monotonic() - began < 120  # beside the load; alone it takes some seconds
                time.sleep(0.1)
            assert set(now) != set(before)
    assert set(load.seen) == {200}


def test_an_item_that_kills_is_refused_and_quarantined(one: Server, photos: dict[bytes, str | None]) -> None:
    with Load(one, list(photos)) as load:
        first = one.predict("tiny", b"leave")
        assert (first.status, first.content["code"]) == (500, "crashed")
        began = time.monotonic()
        while (again := one.predict("tiny", b"leave")).status == 503:
            time.sleep(0.1)
        assert (again.status, again.content["code"]) == (500, "crashed")
        alive = one.workers("tiny")
        assert one.predict("tiny", b"leave").status == 500
        assert one.workers("tiny") >= alive
        assert time.monotonic() - began < 60
    assert set(load.seen) <= {200, 503}  # both workers were being restarted for a while


@pytest.mark.timeout(180)
def test_reload_fails_no_answer(one: Server, store: Path, photos: dict[bytes, str | None], tmp_path: Path) -> None:
    broken = tmp_path / "broken.mar"
    broken.write_bytes((store / "tiny.mar").read_bytes()[:-100])
    before = one.workers("tiny")
    with Load(one, list(photos)) as load:
        words = ["reload", f"tiny={store / 'tiny.mar'}", "--inference-port", str(one.inference)]
        assert cli.main(words) == 0
        after = one.workers("tiny")
        assert not set(after) & set(before)
        words[1] = f"tiny={broken}"
        assert cli.main(words) == 1
        assert one.workers("tiny") == after
    assert set(load.seen) == {200}


def test_reload_waits_for_a_body_that_is_on_its_way(one: Server, photos: dict[bytes, str | None]) -> None:
    photo = next(iter(photos))
    reload = threading.Thread(target=one.manage, args=("POST", "/models/tiny/reload"))
    with socket.create_connection(("127.0.0.1", one.inference), timeout=60) as client:
        head = f"PUT /predictions/tiny HTTP/1.1\r\nHost: x\r\nContent-Length: {len(photo)}\r\n\r\n"
        client.sendall(head.encode() + photo[:100])
        time.sleep(0.3)
        reload.start()
        began = time.monotonic()
        while len(one.manage("GET", "/models/tiny").content) < 2:  # the new version answers who asks for none
            assert time.monotonic() - began < 60
            time.sleep(0.1)
        client.sendall(photo[100:])
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    reload.join()


def test_what_is_not_answered_when_the_time_is_over(start: Start, store: Path, photos: dict[bytes, str | None]) -> None:
    server = start("--model-store", str(store), "--models", "tiny", "--workers", "1", "--drain-s", "1")
    server.wait_for("Ctrl-C stops")
    answers = []
    slow = threading.Thread(target=lambda: answers.append(server.predict("tiny", b"slow 60 " + next(iter(photos)))))
    slow.start()
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    slow.join()
    assert [(answer.status, answer.content["code"]) for answer in answers] == [(503, "stopping")]


def test_hang_up_reloads_what_has_changed(start: Start, store: Path, tmp_path: Path) -> None:
    archive = tmp_path / "own.mar"
    shutil.copy(store / "tiny.mar", archive)
    server = start("--models", f"own={archive}", "--workers", "1")
    server.wait_for("Ctrl-C stops")
    before = server.workers("own")
    shutil.copy(store / "leaver.mar", archive)  # the same model in another file
    os.kill(server.process.pid, signal.SIGHUP)
    began = time.monotonic()
    while server.workers("own") in (before, []):
        assert time.monotonic() - began < 60
        time.sleep(0.1)
    assert server.process.poll() is None


def test_more_than_it_can_do(start: Start, store: Path, photos: dict[bytes, str | None]) -> None:
    server = start("--model-store", str(store), "--models", "tiny", "--workers", "1", "--queue-size", "4")
    server.wait_for("Ctrl-C stops")
    photo = next(iter(photos))
    answers: collections.Counter[int] = collections.Counter()

    def ask() -> None:
        answers[server.predict("tiny", b"slow 1 " + photo).status] += 1

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {200, 503}
    assert answers.total() == 30
    assert server.predict("tiny", photo).status == 200


def test_deadlines(one: Server, photos: dict[bytes, str | None]) -> None:
    photo = next(iter(photos))
    late = one.predict("tiny", b"slow 2 " + photo, {"X-Request-Timeout-Ms": "300"})
    assert (late.status, late.content["code"]) == (504, "deadline")
    assert one.predict("tiny", photo, {"X-Request-Timeout-Ms": "30000"}).status == 200
    wrong = one.predict("tiny", photo, {"X-Request-Timeout-Ms": "-1"})
    assert (wrong.status, wrong.content["code"]) == (400, "bad_request")
    assert "'-1'" in wrong.content["message"]


def test_a_client_that_has_gone_is_not_computed(start: Start, store: Path, photos: dict[bytes, str | None]) -> None:
    server = start("--model-store", str(store), "--models", "tiny", "--workers", "1", "--batch-size", "1")
    server.wait_for("Ctrl-C stops")
    slow = b"slow 2 " + next(iter(photos))
    waiting = []
    for _ in range(10):
        client = socket.create_connection(("127.0.0.1", server.inference))
        client.sendall(b"PUT /predictions/tiny HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(slow) + slow)
        waiting.append(client)
    time.sleep(0.5)
    for client in waiting:
        client.close()
    began = time.monotonic()
    assert server.predict("tiny", next(iter(photos))).status == 200
    assert time.monotonic() - began < 10  # twenty seconds, if all were computed


def test_idle_connections_harm_nobody(one: Server, photos: dict[bytes, str | None]) -> None:
    soft, _ = psutil.Process().rlimit(psutil.RLIMIT_NOFILE)
    count = min(5000, soft - 200)
    with _open(one.inference, count):
        assert one.predict("tiny", next(iter(photos))).status == 200
    assert one.predict("tiny", next(iter(photos))).status == 200


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
    began = time.monotonic()
    while living(children, set()):
        assert time.monotonic() - began < 10
        time.sleep(0.05)
    socket.create_server(("127.0.0.1", one.inference)).close()


@pytest.mark.parametrize("busy", ["stalls", "is hammered"])
def test_other_models_keep_their_share(start: Start, store: Path, photos: dict[bytes, str | None], busy: str) -> None:
    server = start("--model-store", str(store), "--models", "tiny", "leaver", "--workers", "2")
    server.wait_for("Ctrl-C stops")
    photo = next(iter(photos))
    slow = b"slow 60 " + photo if busy == "stalls" else photo
    over = threading.Event()

    def ask() -> None:
        headers = {"X-Request-Timeout-Ms": "20000"}
        with suppress(OSError, http.client.HTTPException):  # the server is killed at the end
            while not over.is_set():
                server.predict("leaver", slow, headers)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    began = time.monotonic()
    assert [server.predict("tiny", photo).status for _ in range(10)] == [200] * 10
    assert time.monotonic() - began < 10
    over.set()
    server.kill()
    for thread in threads:
        thread.join()
