"""What our own server lets one see while it runs: ids, the access log, counts, through deaths and reloads."""

import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.pictures import encode, scene
from support.raw_socket import raw_socket
from support.server import Server, only_ours, serving
from support.tiny import HANDLER, tiny_checkpoint
from support.waiting import until, until_equal

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.metrics import CLEAN

pytestmark = only_ours
Labels = frozenset[tuple[str, str]]
PHOTO = encode(Image.fromarray(scene()), "PNG")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LIMIT_S = 60


class Watched:
    """A server and what it tells of itself."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def counts(self) -> dict[tuple[str, Labels], float]:
        return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in self.server.samples()}

    def value(self, name: str, **labels: str) -> float | None:
        return self.counts().get((f"groupnl_{name}", frozenset(labels.items())))

    def becomes(self, value: float, name: str, **labels: str) -> None:
        """Wait for a value: what the server itself counts, it counts when the answer is out."""
        until_equal(lambda: self.value(name, **labels), value)

    def versions(self, name: str) -> set[str]:
        """The versions that have a series of this name."""
        return {dict(labels)["version"] for found, labels in self.counts() if found == f"groupnl_{name}"}

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.server.logs / "access.log").read_text("ascii").splitlines()]

    def line(self, **facts: object) -> dict[str, Any]:
        """The only line with these facts, waited for."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found[:] = [line for line in self.lines() if facts.items() <= line.items()]
            return len(found) == 1

        until(is_there)
        return found[0]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Packs the tiny model as the version that is asked for."""
    checkpoint = tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"))
    handler = HANDLER | {"shadow": {"share": 0.0, "corruptions": ["contrast"], "severities": [1]}}
    settings = ServingSettings(workers=1, batch_size=1, handler=handler)

    def make(version: str) -> Path:
        return pack(checkpoint, tmp_path_factory.mktemp("packed"), "tiny", version=version, settings=settings)

    return make


@pytest.fixture
def watched(kind: str, archive: Callable[[str], Path], tmp_path: Path) -> Iterator[Watched]:
    with serving(tmp_path, "--models", f"tiny={archive('1.0')}", kind=kind) as server:
        yield Watched(server)


def _raw(watched: Watched, head: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    with raw_socket(watched.server.inference) as connection:
        connection.send(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n" + body)
        return connection.answer()


@pytest.mark.timeout(180)
def test_requests(watched: Watched, tmp_path: Path) -> None:
    # The start counts no failures.
    before = watched.counts()
    watched.becomes(1, "answers_total", protocol="raw", model="tiny", code="200")  # of the start itself
    assert sum(value for (name, _), value in watched.counts().items() if name == "groupnl_answers_total") == 1

    _is_followed(watched)
    _unsound_ids_are_replaced(watched)
    _what_is_no_http_has_a_line_and_an_id(watched)
    _nothing_in_the_log_steers_a_terminal(watched)
    _protocols_are_told_apart(watched)
    _who_has_gone_is_counted(watched, tmp_path / "gone")
    _what_is_late_is_counted(watched, tmp_path / "late")
    _health(watched)
    _the_page_is_not_sent_twice(watched)
    assert watched.counts().keys() == before.keys()  # whatever happens, its series was there before


def _the_page_is_not_sent_twice(watched: Watched) -> None:
    _, headers, _ = _raw(watched, "GET / HTTP/1.1\nHost: h\n")
    status, *_ = _raw(watched, f"GET / HTTP/1.1\nHost: h\nIf-None-Match: {headers['etag']}\n")
    assert status == 304


def _is_followed(watched: Watched) -> None:
    ids = f"X-Request-Id: one/1\ntraceparent: {TRACE}\n"
    head = f"POST /predictions/tiny?secret=1 HTTP/1.1\nHost: h\n{ids}Content-Length: {len(PHOTO)}\n"
    status, headers, body = _raw(watched, head, PHOTO)
    assert (status, headers["x-request-id"], headers["traceparent"]) == (200, "one/1", TRACE)
    line = watched.line(request_id="one/1")
    assert line["queue_s"] > 0
    assert line.pop("queue_s") + line["worker_s"] < line["seconds"]
    assert 0 < line.pop("decode_s") + line.pop("infer_s") < line.pop("worker_s")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    del line["seconds"]
    assert line == {
        "method": "POST",
        "path": "/predictions/tiny",
        "status": 200,
        "code": "",
        "protocol": "raw",
        "model": "tiny",
        "version": "1.0",
        "images": 1,
        "bytes_in": len(PHOTO),
        "bytes_out": len(body),
        "request_id": "one/1",
        "trace_id": TRACE[3:35],
        "client": "127.0.0.1",
        "key": "",
    }


def _unsound_ids_are_replaced(watched: Watched) -> None:
    ids = "X-Request-Id: a b\ntraceparent: 00-0-0-00\n"
    status, headers, _ = _raw(watched, f"POST /predictions/tiny HTTP/1.1\nHost: h\n{ids}Content-Length: 4\n", b"text")
    assert status == 415
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", headers["traceparent"])
    line = watched.line(request_id=headers["x-request-id"])
    assert (line["status"], line["code"], line["trace_id"]) == (415, "unsupported_type", headers["traceparent"][3:35])


def _what_is_no_http_has_a_line_and_an_id(watched: Watched) -> None:
    status, headers, _ = _raw(watched, "\x16\x03\x01 nonsense\n")
    assert status == 400
    line = watched.line(request_id=headers["x-request-id"])
    assert (line["status"], line["code"], line["protocol"], line["path"]) == (400, "bad_request", "other", "")


def _nothing_in_the_log_steers_a_terminal(watched: Watched) -> None:
    for path in ("/%1b%5b2J%0d%0a%7f%c2%9b%e2%80%a8", "/" + "a" * 3000):
        status, headers, _ = _raw(watched, f"GET {path} HTTP/1.1\nHost: h\nX-Request-Id: \x9b2J\n")
        assert status == 404
        watched.line(request_id=headers["x-request-id"])
    content = (watched.server.logs / "access.log").read_bytes()
    assert all(byte == ord("\n") or 0x20 <= byte < 0x7F for byte in content)
    assert max(map(len, content.splitlines())) < 1000


def _protocols_are_told_apart(watched: Watched) -> None:
    tiny = {"model": "tiny", "code": "200"}
    assert watched.server.ask("/invocations", PHOTO, "POST").status == 200
    assert watched.server.ask("/predictions/none", PHOTO).status == 404
    assert watched.server.ask("/models", method="GET").status == 200
    watched.becomes(1, "answers_total", protocol="invocations", **tiny)
    watched.becomes(2, "answers_total", protocol="raw", **tiny)  # and the start's own
    watched.becomes(1, "answers_total", protocol="raw", model="tiny", code="415")
    watched.becomes(1, "answers_total", protocol="raw", model="", code="404")
    assert watched.value("answers_total", protocol="v2", **tiny) == 0
    watched.becomes(4, "request_seconds_count", model="tiny")
    watched.becomes(4, "queue_seconds_count", model="tiny")


def _who_has_gone_is_counted(watched: Watched, go: Path) -> None:
    with socket.create_connection(("127.0.0.1", watched.server.inference)) as connection:
        body = b"held %b " % bytes(go) + PHOTO
        head = f"PUT /predictions/tiny HTTP/1.1\r\nHost: h\r\nX-Request-Id: gone\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        watched.becomes(1, "requests_in_hand")
        watched.becomes(1, "open_connections")
    assert watched.line(request_id="gone")["status"] == 499
    watched.becomes(1, "abandoned_requests_total", model="tiny")
    watched.becomes(0, "requests_in_hand")
    go.touch()


def _what_is_late_is_counted(watched: Watched, go: Path) -> None:
    assert watched.server.predict("tiny", PHOTO).status == 200  # the worker has done with those before
    watched.becomes(0, "requests_in_hand")
    held = threading.Thread(target=watched.server.predict, args=("tiny", b"held %b " % bytes(go) + PHOTO))
    held.start()
    watched.becomes(1, "requests_in_hand")
    assert watched.server.predict("tiny", PHOTO, {"X-Request-Timeout-Ms": "200"}).status == 504
    waiting = threading.Thread(target=watched.server.predict, args=("tiny", PHOTO))
    waiting.start()
    watched.becomes(1, "queue_length", model="tiny", version="1.0")
    assert watched.value("queue_bytes", model="tiny", version="1.0") == len(PHOTO)
    go.touch()
    for thread in (held, waiting):
        thread.join()
    watched.becomes(1, "expired_requests_total", model="tiny")
    watched.becomes(1, "answers_total", protocol="raw", model="tiny", code="504")
    watched.becomes(0, "queue_length", model="tiny", version="1.0")


def _health(watched: Watched) -> None:
    for path in ("/live", "/ready", "/ping"):
        assert watched.server.ask(path, method="GET").content == {"status": "Healthy"}


@pytest.mark.timeout(180)
def test_deaths_and_reloads(watched: Watched, archive: Callable[[str], Path], tmp_path: Path) -> None:
    _a_death_loses_no_counts(watched)
    _both_versions_are_seen_meanwhile(watched, archive("2.0"), tmp_path / "go")
    _a_refused_reload_is_counted(watched, tmp_path)


def _a_death_loses_no_counts(watched: Watched) -> None:
    ready = {"model": "tiny", "version": "1.0"}
    assert watched.server.predict("tiny", PHOTO).status == 200
    (worker,) = watched.server.workers("tiny")
    os.kill(worker, signal.SIGKILL)
    watched.becomes(0, "workers_ready", **ready)
    assert watched.value("workers_wanted", **ready) == 1
    watched.becomes(1, "worker_deaths_total", model="tiny", reason="died")
    assert watched.server.ask("/ready", method="GET").status == 503
    assert watched.server.ask("/live", method="GET").status == 200
    until_equal(lambda: watched.versions("build_info"), set())
    assert watched.value("requests_total", model="tiny", code="200") == 2  # and the start's own
    watched.becomes(1, "workers_ready", **ready)
    assert watched.server.predict("tiny", PHOTO, {"X-Label": "red"}).status == 200
    assert watched.value("requests_total", model="tiny", code="200") == 3
    assert watched.value("labelled_total", model="tiny", **CLEAN) == 1
    assert watched.value("worker_starts_total", model="tiny") == 2
    assert watched.value("worker_deaths_total", model="tiny", reason="loading") == 0


def _both_versions_are_seen_meanwhile(watched: Watched, archive: Path, go: Path) -> None:
    held = threading.Thread(target=watched.server.predict, args=("tiny", b"held %b " % bytes(go) + PHOTO))
    held.start()
    watched.becomes(1, "requests_in_hand")
    reload = subprocess.Popen(_reload(watched, archive))
    for name in ("build_info", "workers_ready"):
        until_equal(functools.partial(watched.versions, name), {"1.0", "2.0"})
    go.touch()
    held.join()
    assert reload.wait(LIMIT_S) == 0
    for name in ("build_info", "workers_ready"):
        until_equal(functools.partial(watched.versions, name), {"2.0"})
    watched.becomes(1, "reloads_total", model="tiny", outcome="done")
    assert watched.value("worker_deaths_total", model="tiny", reason="died") == 1  # who was told to go is not dead
    assert watched.value("requests_total", model="tiny", code="200") == 5  # and the probe of the new version
    assert watched.value("labelled_total", model="tiny", **CLEAN) == 0  # it is another archive's


def _reload(watched: Watched, archive: Path) -> list[str]:
    port = str(watched.server.inference)
    return [sys.executable, "-m", "groupnl.cli", "reload", f"tiny={archive}", "--inference-port", port]


def _a_refused_reload_is_counted(watched: Watched, folder: Path) -> None:
    broken = folder / "broken.mar"
    broken.write_bytes(b"no archive")
    assert subprocess.run(_reload(watched, broken), check=False).returncode == 1
    watched.becomes(1, "reloads_total", model="tiny", outcome="refused")
    assert watched.versions("build_info") == {"2.0"}
