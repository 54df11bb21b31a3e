"""`groupnl cluster roll` where a service does not come back; tests/running/test_replicas.py has those that do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.front import Front
from support.http_thread import http_thread

from groupnl.cli import main
from groupnl.cluster.roll_service import Restart, Service
from groupnl.server.web import http_server
from groupnl.server.web.state import RUN_HEADER
from groupnl_studies.harness.ports import free_ports

SOON = ("--timeout-s", "0.5")
BEFORE_LONG = ("--timeout-s", "3")  # where a command is to end before, also on a busy machine


@pytest.fixture
def ready() -> Iterator[str]:
    """The URL of a service that is ready, and stays."""
    with http_thread(Front().app) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def nobody() -> str:
    """A URL at which nobody listens."""
    (port,) = free_ports(1)
    return f"http://127.0.0.1:{port}"


def _roll(services: dict[str, str], restart: str, *words: str) -> int:
    named = [f"{name}={url}" for name, url in services.items()]
    return main(["cluster", "roll", "--services", *named, "--restart", restart, "--pause-s", "0", *words])


def test_the_first_that_fails_is_the_last(ready: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _roll({"one": ready, "two": ready, "three": ready}, "false {name}", "--timeout-s", "30") == 1
    said, wrong = capsys.readouterr()
    assert said == "one: false one\n"
    assert "one: `false one` has ended with status 1 (0 of 3 services restarted; left alone: two, three)" in wrong


def test_a_command_that_restarts_nothing(ready: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says that it did, and the process of before says that it is ready."""
    assert _roll({"one": ready}, "true {name}", *BEFORE_LONG) == 1
    assert f"one is not ready in time: the process of before still holds {ready}" in capsys.readouterr().err


def test_nor_when_idle_connections_are_closed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 0.1)
    with http_thread(Front().app) as port:
        assert _roll({"one": f"http://127.0.0.1:{port}"}, "true {name}", *SOON) == 1
    assert "the process of before still holds" in capsys.readouterr().err


@pytest.fixture
def unnamed(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a service of a release that names no run, and a file: while that is there, it has stopped."""
    has_stopped = tmp_path / "has_stopped"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def without_run(message: Any) -> None:
            if "headers" in message:
                headers = [header for header in message["headers"] if header[0] != RUN_HEADER.encode()]
                message = message | {"headers": headers}
            await send(message)

        front = Front()
        if has_stopped.exists():
            front.pool.workers = []
        await front.app(scope, receive, without_run)

    with http_thread(app) as port:
        yield f"http://127.0.0.1:{port}", has_stopped


def test_a_release_that_names_no_run_is_replaced_by_itself_while_the_command_runs(
    unnamed: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    url, file = unnamed
    assert _roll({"one": url}, f"sh -c 'touch {file}; sleep 1; rm {file}' {{name}}", "--timeout-s", "30") == 0
    assert "1 service restarted" in capsys.readouterr().out


def test_a_release_that_names_no_run_is_replaced_by_itself_after_the_command(unnamed: tuple[str, Path]) -> None:
    url, file = unnamed
    restart = Restart(Service(name="one", url=url))
    assert restart.problem() == f"the process of before still holds {url}, or another one that does not name its run"
    file.touch()
    assert restart.problem() == "it answers 503: No worker is ready yet: owls."
    file.unlink()
    assert restart.problem() is None


def test_who_names_its_run_has_not_gone_because_it_was_not_ready() -> None:
    front = Front()
    workers = front.pool.workers
    with http_thread(front.app) as port:
        service = Service(name="one", url=f"http://127.0.0.1:{port}")
        restart = Restart(service)
        front.pool.workers = []
        assert restart.problem() == "it answers 503: No worker is ready yet: owls."
        front.pool.workers = workers
        assert restart.problem() == f"the process of before still holds {service.url}"


def test_another_release_takes_the_place_of_one_that_names_no_run(unnamed: tuple[str, Path]) -> None:
    url, _ = unnamed
    service = Service(name="one", url=url)
    restart = Restart(service)
    with http_thread(Front().app) as port:
        restart.service = service.model_copy(update={"url": f"http://127.0.0.1:{port}"})
        assert restart.problem() is None


def test_who_was_not_there_is_back_as_soon_as_it_answers(nobody: str, ready: str) -> None:
    service = Service(name="one", url=nobody)
    restart = Restart(service)
    restart.service = service.model_copy(update={"url": ready})
    assert restart.problem() is None


def test_a_command_that_does_not_end(ready: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _roll({"one": ready}, "sh -c 'exec sleep 60' {name}", *SOON) == 1
    assert "has not ended within 0.5 s" in capsys.readouterr().err


def test_who_does_not_answer_is_first(ready: str, nobody: str, capsys: pytest.CaptureFixture[str]) -> None:
    """If it does not come back, those that answer have not been touched."""
    assert _roll({"one": ready, "two": nobody}, "true {name}", *BEFORE_LONG) == 1
    said, wrong = capsys.readouterr()
    assert said == "two: true two\n"
    assert "two is not ready in time" in wrong
    assert "Connection refused" in wrong
    assert "left alone: one" in wrong


def test_a_dry_run_tells_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    front = Front()
    front.pool.workers = []
    with http_thread(front.app) as port:
        assert _roll({"one": f"http://127.0.0.1:{port}"}, "true {name}", "--dry-run") == 0
    said = capsys.readouterr().out
    assert said == "one: it answers 503: No worker is ready yet: owls.; would run: true one\n"


@pytest.mark.parametrize(
    ("services", "restart", "problem"),
    [
        (["one"], "true {name}", "write NAME=URL"),
        (["one=127.0.0.1:8080"], "true {name}", "must be an address"),
        (["-x=http://127.0.0.1:8080"], "true {name}", "a name of letters"),
        (["a b=http://127.0.0.1:8080"], "true {name}", "a name of letters"),
        (["one=http://a:1", "one=http://b:1"], "true {name}", "the name one stands twice"),
        (["one=http://a:1"], "systemctl restart groupnl", "write {name} in it"),
        (["one=http://a:1"], "no-such-program {name}", "there is no program no-such-program"),
        (["one=http://a:1"], "sh -c 'kill {name}", "No closing quotation"),
    ],
)
def test_what_cannot_be_used(
    services: list[str], restart: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [f"--services={services[0]}"] if services[0].startswith("-") else ["--services", *services]
    assert main(["cluster", "roll", *named, "--restart", restart]) == 2
    assert problem in capsys.readouterr().err
