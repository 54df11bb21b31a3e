"""A running server of our own with keys and TLS: who is let in, and how both are exchanged without a pause."""

import http.client
import json
import signal
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from support.certificates import make_certificate
from support.pictures import encode, scene
from support.server import Server
from support.waiting import until

from groupnl import cli
from groupnl.server.certificate import trusting
from groupnl_studies.harness.ports import free_ports

PHOTO = encode(Image.fromarray(scene()), "PNG")
PREDICT = "/predictions/tiny"
LIMIT_S = 60


class Guarded(NamedTuple):
    """A server with keys and TLS.

    Attributes:
        server: that runs.
        folder: of its keys and certificate.
        management: port.
        keys: name -> secret.
    """

    server: Server
    folder: Path
    management: int
    keys: dict[str, str]

    def ask(self, path: str, key: str | None = None, method: str = "PUT") -> int:
        return self._status(self._tls(), method, path, key)

    def manage(self, key: str | None, **headers: str) -> int:
        connection = http.client.HTTPConnection("localhost", self.management, timeout=LIMIT_S)
        return self._status(connection, "GET", "/models", key, headers)

    def scrape(self, key: str | None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.metrics, timeout=LIMIT_S)
        return self._status(connection, "GET", "/metrics", key)

    def _tls(self) -> http.client.HTTPSConnection:
        context = trusting(self.folder / "one.pem")
        return http.client.HTTPSConnection("127.0.0.1", self.server.inference, timeout=LIMIT_S, context=context)

    def _status(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        key: str | None,
        headers: dict[str, str] | None = None,
    ) -> int:
        given = {} if key is None else {"Authorization": f"Bearer {self.keys.get(key, key)}"}
        body = PHOTO if method == "PUT" else None
        try:
            connection.request(method, path, body, given | (headers or {}))
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()


@pytest.fixture(scope="module")
def new_key() -> Callable[..., str]:
    """Makes a key as an operator does; gives what the command prints."""

    def make(folder: Path, name: str, *scopes: str) -> str:
        with pytest.MonkeyPatch.context() as patch:
            printed: list[str] = []
            patch.setattr("builtins.print", lambda text, **_: printed.append(text))
            words = ["keys", "new", "--name", name, "--scope", *scopes, "--keys", str(folder / "keys.txt")]
            assert cli.main(words) == 0
        return printed[0]

    return make


@pytest.fixture(scope="module")
def guarded(store: Path, tmp_path_factory: pytest.TempPathFactory, new_key: Callable[..., str]) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    make_certificate(folder, "one")
    scopes = {"web": ["predict"], "ops": ["manage"], "prometheus": ["metrics"]}
    keys = {name: new_key(folder, name, *of) for name, of in scopes.items()}
    (management,) = free_ports(1)
    tls = "--tls-cert", str(folder / "one.pem"), "--tls-key", str(folder / "one.key")
    access = "--keys", str(folder / "keys.txt"), "--management-port", str(management), *tls
    server = Server(folder, "--model-store", str(store), "--models", "tiny", *access, kind="groupnl")
    try:
        server.wait_for("Ctrl-C stops")
        yield Guarded(server, folder, management, keys)
        assert server.stop() == 0
    finally:
        server.kill()


def test_each_port_asks_for_its_key(guarded: Guarded) -> None:
    for key, status in (("web", 200), ("ops", 403), ("wrong", 401), (None, 401)):
        assert guarded.ask(PREDICT, key) == status
    for key, status in (("ops", 200), ("web", 403), ("wrong", 401), (None, 401)):
        assert guarded.manage(key) == status
    for key, status in (("prometheus", 200), ("web", 403), ("wrong", 401), (None, 401)):
        assert guarded.scrape(key) == status
    for path in ("/ping", "/live", "/ready"):
        assert guarded.ask(path, method="GET") == 200


def test_the_report_shows_its_key(guarded: Guarded, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "key.txt"
    page = tmp_path / "report.html"
    words = "report", "--endpoint", f"http://127.0.0.1:{guarded.server.metrics}", "--output", str(page)
    assert cli.main(words) == 1
    assert "answers 401 Refused; name the file that has its key (--key-file)" in capsys.readouterr().err
    file.write_text(guarded.keys["prometheus"] + "\n")
    assert cli.main([*words, "--key-file", str(file)]) == 0
    assert "tiny" in page.read_text()
    file.write_text("two words")
    assert cli.main([*words, "--key-file", str(file)]) == 1
    assert f"{file} has 2 words" in capsys.readouterr().err


def test_pages_do_not_manage(guarded: Guarded) -> None:
    assert guarded.manage("ops", Host=f"rebound.example:{guarded.management}") == 403
    assert guarded.manage("ops", Origin="http://rebound.example") == 403


def test_the_socket_needs_no_key(guarded: Guarded) -> None:
    assert guarded.server.manage("GET", "/models").status == 200


@pytest.mark.parametrize("by", ["file", "signal", "management"])
def test_keys_are_exchanged(guarded: Guarded, new_key: Callable[..., str], by: str) -> None:
    guarded.keys[by] = new_key(guarded.folder, by, "predict")
    if by == "signal":
        guarded.server.process.send_signal(signal.SIGHUP)
    if by == "management":
        assert guarded.server.manage("POST", "/access/reload").status == 200
        assert guarded.ask(PREDICT, by) == 200
    until(lambda: guarded.ask(PREDICT, by) == 200)
    assert guarded.ask(PREDICT, "web") == 200
    file = guarded.folder / "keys.txt"
    kept = [line for line in file.read_text().splitlines() if not line.startswith(f"{by} ")]
    file.write_text("\n".join(kept) + "\n")
    until(lambda: guarded.ask(PREDICT, by) == 401)
    assert guarded.ask(PREDICT, "web") == 200


def test_keys_that_cannot_be_read_change_nothing(guarded: Guarded) -> None:
    file = guarded.folder / "keys.txt"
    before = file.read_text()
    file.write_text("web predict hunter2\n")
    answer = guarded.server.manage("POST", "/access/reload")
    assert (answer.status, answer.content["code"]) == (409, "not_reloaded")
    assert "the key 'web' cannot be used: it has 42 bits" in answer.content["message"]
    until(lambda: "cannot be used" in _log(guarded))
    assert guarded.ask(PREDICT, "web") == 200
    file.write_text(before)


def test_the_certificate_is_exchanged(guarded: Guarded) -> None:
    kept = guarded._tls()
    kept.request("GET", "/ping")
    assert kept.getresponse().read()
    old = trusting(guarded.folder / "one.pem")
    for path, kind in zip(make_certificate(guarded.folder, "two"), ("pem", "key"), strict=True):
        path.replace(guarded.folder / f"one.{kind}")
    until(lambda: _is_trusted(guarded.server.inference, trusting(guarded.folder / "one.pem")))
    assert not _is_trusted(guarded.server.inference, old)
    assert guarded.ask(PREDICT, "web") == 200
    kept.request("GET", "/ping")  # on the connection from before
    assert kept.getresponse().status == 200
    kept.close()


def test_no_log_tells_a_key(guarded: Guarded) -> None:
    assert guarded.ask(PREDICT, "web") == 200
    assert guarded.manage("ops") == 200

    def named() -> set[str]:
        lines = (guarded.server.logs / "access.log").read_text().splitlines()
        return {json.loads(line)["key"] for line in lines}

    until(lambda: {"web", "ops"} <= named())
    texts = [path.read_text() for path in guarded.server.logs.iterdir()] + [guarded.server.output()]
    for secret in [*guarded.keys.values(), "hunter2"]:
        assert not any(secret in text for text in texts)


def _log(guarded: Guarded) -> str:
    return "".join(path.read_text() for path in guarded.server.logs.iterdir()) + guarded.server.output()


def _is_trusted(port: int, context: ssl.SSLContext) -> bool:
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=LIMIT_S, context=context)
    try:
        connection.connect()
    except ssl.SSLCertVerificationError:
        return False
    finally:
        connection.close()
    return True
