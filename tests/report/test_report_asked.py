"""groupnl report: whom it asks, and what it says of answers that it cannot use."""

import json
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from groupnl.cli import main
from groupnl.errors import ServerError
from groupnl.report.command import replicas_in_words
from groupnl.report.samples import Replicas, read_endpoint, read_prometheus
from groupnl_studies.harness.ports import free_ports


@pytest.mark.parametrize(
    ("now", "last_hour", "words"),
    [
        (1, 1, "by the only replica of the last hour, since its counts began"),
        (2, 2, "by all 2 replicas of the last hour, each since its counts began"),
        (1, 2, "by 1 of the 2 replicas of the last hour, each since its counts began: the other one does not answer"),
        (1, 3, "by 1 of the 3 replicas of the last hour, each since its counts began: the others do not answer"),
    ],
)
def test_replicas_are_told_in_the_right_number(now: int, last_hour: int, words: str) -> None:
    assert replicas_in_words(Replicas(now, last_hour)).startswith(words)


def test_addresses_that_do_not_answer() -> None:
    (port,) = free_ports(1)
    with pytest.raises(ServerError, match="cannot be read"):
        read_endpoint(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--endpoint", "http://[::1"], "--endpoint http://[::1: it must be an address, such as http://127.0.0.1:8083"),
        (["--endpoint", "http://a b"], "--endpoint http://a b: it must be an address, such as"),
        (["--endpoint", "foo"], "--endpoint foo: it must be an address, such as"),
        (["--endpoint", ""], "--endpoint : it must be an address, such as"),
        (["--endpoint", "file:///etc/passwd"], "--endpoint file:///etc/passwd: it must be an address, such as"),
        (["--prometheus", "http://127.0.0.1:99999"], "--prometheus http://127.0.0.1:99999: it must be an address"),
        (["--prometheus", "http://a", "--since", "24"], "--since 24: it must be a time such as 90m, 24h or 7d"),
        (["--endpoint", "http://a", "--since", "24h"], "--since needs --prometheus: an endpoint knows only"),
    ],
)
def test_what_is_mistyped_is_told_before_anybody_is_asked(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *words]) == 2
    assert capsys.readouterr().err.startswith(f"groupnl report: {said}")


def test_an_answer_that_is_no_http_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        thread = Thread(target=answer)
        thread.start()
        with pytest.raises(ServerError, match="cannot be read: "):
            read_endpoint(f"http://127.0.0.1:{port}")
        thread.join()


def test_prometheus_is_asked_about_one_time() -> None:
    """A scrape between two queries would make counts that contradict each other."""
    asked: list[dict[str, list[str]]] = []

    class Clock(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(parse_qs(urlsplit(self.path).query))
            result = [{"metric": {"model": "m"}, "value": [1, str(1_700_000_000.25 + len(asked))]}]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"data": {"result": result}}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Clock)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        read_prometheus(f"http://127.0.0.1:{server.server_port}", None)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert asked[0] == {"query": ["vector(time())"]}
    assert {query["time"][0] for query in asked[1:]} == {"1700000001.25"}


@pytest.mark.parametrize(
    ("answer", "problem"), [(b"other_metric 1\n", "has no metrics of this service"), (b"<html>", "metrics")]
)
def test_answers_of_somebody_else(answer: bytes, problem: str) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Other)
    thread = Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        with pytest.raises(ServerError, match=problem):
            read_endpoint(url)
        with pytest.raises(ServerError, match="does not answer as a Prometheus does"):
            read_prometheus(url, None)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
