"""groupnl.server.readiness: which answers to the probe mean that a model answers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from support.front import Front
from support.http_thread import http_thread

from groupnl.errors import ServerError
from groupnl.server import readiness
from groupnl.server.config import ServeConfig
from groupnl.server.readiness import Probe, ProbeAnswer, _accepted, wait_until_ready
from groupnl.server.web.hosts import Hosts


@contextmanager
def _answering(status: int, body: bytes) -> Iterator[int]:
    """The port of a server that answers everything alike."""

    class Fixed(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Fixed) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b'{"code": 0.5}', None),  # a class may have that name
        (413, b'{"code": "too_large", "message": ""}', "too_large"),
        (413, b"", None),
        (400, b'{"code": 400, "type": "InvalidKeyException"}', None),
        (503, b"[1]", None),
        (500, b"\xff", None),
    ],
)
def test_the_probe_reads_status_and_code(status: int, body: bytes, code: str | None) -> None:
    with _answering(status, body) as port:
        assert Probe(ServeConfig(inference_port=port), None)("tiny") == ProbeAnswer(status, code)


def test_the_probe_asks_under_a_name_that_is_answered() -> None:
    front = Front(hosts=Hosts(["images.example.org"]))
    with http_thread(front.app) as port:
        config = ServeConfig(inference_port=port, allowed_hosts=("images.example.org", "b.example"))
        assert Probe(config, None)("owls").status == 200


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (ProbeAnswer(200, None), True),
        (ProbeAnswer(413, "too_many_pixels"), True),
        (ProbeAnswer(415, "unsupported_type"), True),
        (ProbeAnswer(500, "internal"), False),
        (ProbeAnswer(503, None), False),
    ],
)
def test_a_refusal_by_the_models_own_limits_is_an_answer(answer: ProbeAnswer, accepted: bool) -> None:
    assert _accepted("tiny", answer) is accepted


@pytest.mark.parametrize("answer", [ProbeAnswer(413, None), ProbeAnswer(400, "undecodable"), ProbeAnswer(404, None)])
def test_other_refusals_end_the_start(answer: ProbeAnswer) -> None:
    with pytest.raises(ServerError, match=rf"tiny answered a small PNG with {answer.status}"):
        _accepted("tiny", answer)


def test_what_is_waited_for_is_told_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PROGRESS_S", 0.0)
    told: list[str] = []
    answers = iter([503, 503, 200])
    loading = [True, True, False, False, False]

    class Started:
        def check_alive(self) -> None:
            pass

        def check_workers(self, wait: object) -> None:
            pass

        def is_loading(self, model: str) -> bool:
            return loading.pop(0)

        def progress(self, model: str) -> str:
            return "" if loading else "imports 1.5, archive 0.1"

        def tail(self) -> str:
            return ""

    def probe(model: str) -> ProbeAnswer:
        assert len(loading) < 3  # nobody asks while it is known that it loads
        return ProbeAnswer(next(answers), None)

    assert wait_until_ready(Started(), ["tiny"], probe, ServeConfig(), lambda seconds: False, told.append)  # type: ignore[arg-type]
    assert told[0].startswith("waiting for tiny: ")
    assert re.fullmatch(r"tiny answers after \d+\.\d s \(imports 1\.5, archive 0\.1\)", told[-1])
