"""Two services behind HAProxy: whatever happens to one of them, no client notices, and each answer is counted once."""

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image
from support.haproxy import program
from support.load import Load
from support.pictures import encode, scene
from support.server import Server, ask
from support.waiting import until

from groupnl import cli
from groupnl.cluster.roll_haproxy import HAProxy
from groupnl_studies.harness.haproxy import haproxy
from groupnl_studies.harness.ports import free_ports

CLIENTS = 8
NAMES = ("one", "two")
BACKEND = "services"
ANSWERED_AT_START = 1  # the service itself asks before it is ready


class Replica:
    """A service that is started again whenever it has ended, as systemd would.

    Args:
        folder: of its files; `pid` in it has the number of its process.
        store: of its models.
    """

    def __init__(self, folder: Path, store: Path) -> None:
        self._folder = folder
        self._options = ("--model-store", str(store), "--models", "tiny", "--workers", "1", "--batch-size", "4")
        self._ports = free_ports(4)
        self._is_over = False
        self._server = self._start()
        self._thread = threading.Thread(target=self._keep)
        self._thread.start()

    @property
    def server(self) -> Server:
        """The one of now."""
        return self._server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.inference}"

    def is_ready(self) -> bool:
        try:
            return self._server.ask("/ready", method="GET").status == 200
        except OSError:
            return False

    def kill(self) -> None:
        """As a lack of memory would, or a cut of power."""
        before = self._server
        before.process.kill()
        until(lambda: self._server is not before)

    def lines(self, path: str) -> list[dict[str, Any]]:
        """Those of its access log that are of an address, over all of its starts."""
        lines = (self._folder / "logs" / "access.log").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["path"] == path]

    def answers_logged(self) -> int:
        """Predictions that its access log has as answered."""
        return sum(line["status"] == 200 for line in self.lines("/predictions/tiny"))

    def stop(self) -> None:
        self._is_over = True
        self._server.process.terminate()
        self._thread.join()
        self._server.kill()

    def _start(self) -> Server:
        state = ("--state-dir", "state", "--log-dir", "logs", "--notice-s", "2", "--trusted-proxies", "127.0.0.1")
        server = Server(self._folder, *self._options, *state, kind="groupnl", ports=self._ports)
        (self._folder / "new").write_text(str(server.process.pid))
        (self._folder / "new").replace(self._folder / "pid")
        return server

    def _keep(self) -> None:
        while True:
            self._server.process.wait()
            if self._is_over:
                return
            self._server = self._start()


class Site(NamedTuple):
    """Two services, and HAProxy before them.

    Attributes:
        folder: has one of each service, and HAProxy's socket.
        port: of HAProxy.
        one: a service.
        two: the other one.
        haproxy: its socket.
        right: picture -> its answer.
    """

    folder: Path
    port: int
    one: Replica
    two: Replica
    haproxy: HAProxy
    right: dict[bytes, Any]

    def load(self) -> Load:
        return Load(self.port, self.right, CLIENTS)

    def counted(self) -> float:
        """Answers that both services have counted, those to themselves among them."""
        return sum(replica.server.count("requests_total", model="tiny") for replica in (self.one, self.two))

    def check_of(self, name: str) -> str:
        """How the last check of a service ended, in HAProxy's words."""
        return self.haproxy._server(name)["check_status"]

    def logged(self) -> int:
        return self.one.answers_logged() + self.two.answers_logged()


@pytest.fixture(scope="module")
def _site(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    balancer = program()  # skips where there is none
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as started:
        replicas = []
        for name in NAMES:
            (folder / name).mkdir()
            replicas.append(Replica(folder / name, store))
            started.callback(replicas[-1].stop)
        one, two = replicas
        for replica in replicas:
            replica.server.wait_for("Ctrl-C stops")
        port = started.enter_context(haproxy(balancer, folder, (one.server.inference, two.server.inference)))
        picture = Image.fromarray(scene())
        # Each takes a while and no processor: so all clients have something in hand, and services start undisturbed.
        photos = [b"slow 0.05 " + encode(picture.rotate(40 * turn), "PNG") for turn in range(4)]
        right = {photo: ask(port, "PUT", "/predictions/tiny", photo, {}).content for photo in photos}
        yield Site(folder, port, one, two, HAProxy(folder / "admin.sock", BACKEND), right)


@pytest.fixture
def site(_site: Site) -> Site:
    """With both services, as HAProxy sees it."""
    until(lambda: all(_site.haproxy.is_up(name) for name in NAMES))
    return _site


def _roll(site: Site, *words: str) -> int:
    """As an operator does; the command returns long before the service has ended."""
    services = [f"{name}={replica.url}" for name, replica in zip(NAMES, (site.one, site.two), strict=True)]
    restart = f"sh -c 'kill -TERM $(cat {site.folder}/{{name}}/pid)'"
    return cli.main(["cluster", "roll", "--services", *services, "--restart", restart, *words])


@pytest.mark.timeout(300)
def test_a_kill_and_a_stop_fail_no_request(site: Site) -> None:
    logged = site.logged()
    with site.load() as load:
        site.one.kill()
        load.wait_for_more()
        until(site.one.is_ready)
        until(lambda: site.haproxy.is_up("one"))
        os.kill(site.two.server.process.pid, signal.SIGTERM)
        until(lambda: not site.haproxy.is_up("two"))
        assert site.check_of("two") == "L7STS"  # it was told so, before connections were refused
        load.wait_for_more()
        until(lambda: site.haproxy.is_up("two"))
        load.wait_for_more()
    assert set(load.seen) == {200}
    # What the killed one had in hand was answered by the other one; it may have told of it when it was killed.
    again = site.logged() - logged - 2 * ANSWERED_AT_START - load.seen[200]
    assert abs(again) <= CLIENTS


@pytest.mark.timeout(300)
def test_roll_restarts_both_and_each_answer_is_counted_once(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    before = [replica.server.process.pid for replica in (site.one, site.two)]
    counted, logged = site.counted(), site.logged()
    with site.load() as load:
        assert _roll(site, "--haproxy", str(site.folder / "admin.sock")) == 0
        load.wait_for_more()
    assert set(load.seen) == {200}
    for replica, pid in zip((site.one, site.two), before, strict=True):
        assert replica.server.process.pid != pid
    answers = load.seen[200] + 2 * ANSWERED_AT_START
    assert site.counted() - counted == answers
    assert site.logged() - logged == answers
    said = capsys.readouterr().out
    assert [said.index(f"{name}: ready after") for name in NAMES] == sorted(
        said.index(f"{name}: ready after") for name in NAMES
    )
    assert said.endswith("2 services restarted\n")


def test_the_services_know_the_clients_and_note_what_changes(site: Site) -> None:
    before = {replica: len(replica.lines("/ready")) for replica in (site.one, site.two)}
    asking = http.client.HTTPConnection("127.0.0.1", site.port, source_address=("127.0.0.2", 0), timeout=60)
    with closing(asking):
        asking.request("GET", "/models", headers={"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"})
        assert asking.getresponse().read()

    def clients() -> set[str]:
        return {line["client"] for replica in (site.one, site.two) for line in replica.lines("/models")}

    until(lambda: clients() == {"127.0.0.2"})
    time.sleep(2.5)  # in which HAProxy asks twice
    for replica in (site.one, site.two):
        told = [(line["status"], line["code"]) for line in replica.lines("/ready")]
        assert len(told) == before[replica]
        assert {(200, ""), (503, "no_worker")} <= set(told)


def test_a_dry_run_restarts_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    before = [replica.server.process.pid for replica in (site.one, site.two)]
    assert _roll(site, "--dry-run") == 0
    assert [replica.server.process.pid for replica in (site.one, site.two)] == before
    assert f"one: ready; would run: sh -c 'kill -TERM $(cat {site.folder}/one/pid)'" in capsys.readouterr().out
