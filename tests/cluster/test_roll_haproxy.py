"""HAProxy's runtime socket, of a real one before two services whose workers are played."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.front import Front, play
from support.haproxy import program
from support.http_thread import http_thread
from support.server import ask
from support.waiting import until

from groupnl.cli import main
from groupnl.cluster.roll_haproxy import HAProxy
from groupnl.errors import ConfigError, NoWorkerError
from groupnl.server.pool.ticket import Ticket
from groupnl_studies.harness.haproxy import haproxy

pytestmark = pytest.mark.slow
BACKEND = "services"
PREDICTION = ("PUT", "/predictions/owls", b"an owl", {})


class Site(NamedTuple):
    """Two services behind HAProxy.

    Attributes:
        port: of HAProxy.
        socket: of HAProxy.
        haproxy: what asks it there.
        fronts: of the services, by name.
        urls: of the services, by name.
    """

    port: int
    socket: Path
    haproxy: HAProxy
    fronts: dict[str, Front]
    urls: dict[str, str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("roll")
    fronts = {"one": Front(), "two": Front()}
    with (
        http_thread(fronts["one"].app) as one,
        http_thread(fronts["two"].app) as two,
        haproxy(program(), folder, (one, two)) as port,
    ):
        urls = {"one": f"http://127.0.0.1:{one}", "two": f"http://127.0.0.1:{two}"}
        yield Site(port, folder / "admin.sock", HAProxy(folder / "admin.sock", BACKEND), fronts, urls)


def test_what_is_under_way_is_seen(site: Site) -> None:
    site.haproxy.drain("two")
    held: list[Ticket] = []
    site.fronts["one"].pool.answers = held.append
    asking = threading.Thread(target=ask, args=(site.port, *PREDICTION))
    asking.start()
    until(lambda: held)
    assert not site.haproxy.is_idle("one")
    assert site.haproxy.is_idle("two")
    site.haproxy.drain("one")
    assert not site.haproxy.is_up("one")
    assert not site.haproxy.is_idle("one")
    play(held[0])
    asking.join()
    until(lambda: site.haproxy.is_idle("one"))
    site.fronts["one"].pool.answers = play
    for name in ("one", "two"):
        site.haproxy.use(name)
        until(lambda name=name: site.haproxy.is_up(name))


def test_who_is_not_ready_is_not_up(site: Site) -> None:
    site.fronts["two"].state.is_stopping = True
    until(lambda: not site.haproxy.is_up("two"))
    assert site.haproxy.is_up("one")
    assert [ask(site.port, *PREDICTION).status for _ in range(4)] == [200] * 4
    site.fronts["two"].state.is_stopping = False
    until(lambda: site.haproxy.is_up("two"))


def test_another_is_asked_where_one_has_no_worker(site: Site) -> None:
    """Before a check has told."""
    pool = site.fronts["one"].pool
    pool.error = NoWorkerError("No worker.")
    try:
        assert [ask(site.port, *PREDICTION).status for _ in range(6)] == [200] * 6
    finally:
        pool.error = None


def test_a_roll_that_fails_leaves_it_as_it_was(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    until(lambda: site.haproxy.is_up("one"))
    named = [f"{name}={url}" for name, url in site.urls.items()]
    words = ["cluster", "roll", "--services", *named, "--haproxy", str(site.socket), "--restart", "false {name}"]
    assert main(words) == 1
    said, wrong = capsys.readouterr()
    assert said == "one: HAProxy sends it nothing new\none: false one\n"
    assert "left alone: two" in wrong
    until(lambda: site.haproxy.is_up("one"))


def test_what_it_does_not_have(site: Site, tmp_path: Path) -> None:
    site.haproxy.check(["one", "two"])
    with pytest.raises(ConfigError, match="has no server three; it has one, two"):
        site.haproxy.check(["one", "three"])
    with pytest.raises(ConfigError, match="shows no backend 'others'"):
        HAProxy(site.socket, "others").check(["one"])
    with pytest.raises(ConfigError, match=r"cannot be asked at .*No such file"):
        HAProxy(tmp_path / "none.sock", BACKEND).check(["one"])
