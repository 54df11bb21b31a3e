"""`groupnl serve`: starting, refusing to start, stopping."""

import json
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from support.server import Server, form, living, only_ours, only_torchserve
from support.waiting import until

from groupnl.server.stop import ECHO_S

Start = Callable[..., Server]


def test_check_starts_and_stops(start: Start, store: Path, tmp_path: Path) -> None:
    server = start("--check", "--notice-s", "600", "--model-store", str(store), "--models", "tiny", "--workers", "2")
    assert server.end() == 0  # nobody has been told that it is there, so nobody is given notice
    output = server.output()
    assert "starting tiny: 2 workers" in output
    assert f"http://127.0.0.1:{server.inference}/predictions/tiny" in output
    assert "stopped" in output
    logs = {"torchserve": {"ts_log.log", "model_log.log", "access_log.log"}, "groupnl": {"server.log"}}
    assert logs[server.kind] <= {file.name for file in (tmp_path / "logs").iterdir()}


def test_taken_port(start: Start, store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = start("--model-store", str(store), "--metrics-port", str(port))
        assert server.end() == 1
    assert f"port {port} on 127.0.0.1 is taken" in server.output()
    assert "--metrics-port" in server.output()


def test_missing_archive(start: Start, store: Path) -> None:
    server = start("--model-store", str(store), "--models", "nobody")
    assert server.end() == 1
    assert f"the archive {store / 'nobody.mar'} does not exist" in server.output()


def test_empty_store_names_the_default_models(start: Start, tmp_path: Path) -> None:
    server = start("--model-store", str(tmp_path))
    assert server.end() == 1
    assert "gnl_effnet_es.mar does not exist" in server.output()


def test_broken_archive(start: Start, store: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mar"
    broken.write_bytes((store / "tiny.mar").read_bytes()[:-100])
    server = start("--models", f"broken={broken}")
    assert server.end() == 1
    assert f"the archive {broken} is damaged" in server.output()


def test_open_address_needs_keys_or_consent(start: Start, store: Path) -> None:
    server = start("--model-store", str(store), "--host", "0.0.0.0")
    assert server.end() == 2
    assert {"torchserve": "--token-auth", "groupnl": "--keys"}[server.kind] in server.output()
    assert "--allow-open" in server.output()


def test_model_that_cannot_be_loaded_ends_it(start: Start, store: Path, tmp_path: Path) -> None:
    config = tmp_path / "serve.yaml"
    config.write_text("handler: {devise: cpu}\n")
    server = start("--model-store", str(store), "--models", "tiny", "--config", str(config))
    assert server.end() == 1
    assert "groupnl serve: cannot load model tiny:" in server.output()
    assert "devise" in server.output()
    assert "the server has ended" not in server.output()  # the sentence says it


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_while_workers_load(start: Start, store: Path, number: signal.Signals) -> None:
    server = start("--model-store", str(store), "--shadow-share", "1")
    server.wait_for_processes(2)
    assert server.stop(number) == 0
    assert "ready" not in server.output()


def test_stop_while_engines_are_timed(start: Start, store: Path, tmp_path: Path) -> None:
    config = tmp_path / "serve.yaml"
    config.write_text("handler: {engine: auto}\n")
    server = start("--model-store", str(store), "--models", "tiny", "--config", str(config))
    server.wait_for("measuring which engine is the fastest here (never measured before)")
    server.wait_for_processes(1)
    assert server.stop() == 0  # and none of its processes is left
    assert "tiny: not measured, the service is stopped" in server.output()
    assert "ready" not in server.output()


@only_ours
def test_a_second_signal_ends_the_notice(start: Start, store: Path) -> None:
    server = start("--notice-s", "600", "--model-store", str(store), "--models", "tiny")
    server.wait_for("Ctrl-C stops")
    server.process.send_signal(signal.SIGTERM)
    until(lambda: server.ask("/ready", method="GET").status == 503)
    time.sleep(2 * ECHO_S)
    assert server.predict("tiny", b"no image").status == 415  # who connects is still answered
    assert server.stop() == 0
    assert server.output().rstrip().endswith("stopped")


@only_torchserve
def test_keys(start: Start, store: Path) -> None:
    a_year = "525600"
    server = start("--model-store", str(store), "--models", "tiny", "--token-auth", "--token-expiration", a_year)
    output = server.wait_for("Ctrl-C stops")
    assert "keys: " in output
    without = server.predict("tiny", b"no image")
    assert (without.status, without.content["code"], without.content["type"]) == (400, 400, "InvalidKeyException")
    assert server.predict("tiny", b"no image", {"Authorization": "Bearer wrong"}).status == 400
    file = Path(output.split("keys: ")[1].splitlines()[0])
    keys = json.loads(file.read_text())
    expires = datetime.fromisoformat(keys["inference"]["expiration time"][:19] + "+00:00")
    assert abs(expires - datetime.now(UTC) - timedelta(days=365)) < timedelta(minutes=5)
    first = {"Authorization": f"Bearer {keys['inference']['key']}"}
    assert server.predict("tiny", b"no image", first).status == 415
    # Nobody asks for a key there, hence the rule for the metrics' host.
    for port in (server.metrics, server.frontend_metrics):
        assert _get(f"http://127.0.0.1:{port}/metrics", {}) == 200

    renewal = f"http://127.0.0.1:{server.management}/token?type=inference"
    assert f"curl -H 'Authorization: Bearer API_KEY' '{renewal}'" in output
    assert _get(renewal, {"Authorization": f"Bearer {keys['API']['key']}"}) == 200
    second = {"Authorization": f"Bearer {json.loads(file.read_text())['inference']['key']}"}
    assert server.predict("tiny", b"no image", first).status == 400
    assert server.predict("tiny", b"no image", second).status == 415
    assert server.stop(signal.SIGINT) == 0


def _get(url: str, headers: dict[str, str]) -> int:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return int(answer.status)


def test_models_whose_limits_refuse_the_first_question(start: Start, store: Path, tmp_path: Path) -> None:
    """And a form of more than the usual 20 MiB reaches a model that is served with a larger limit."""
    config = tmp_path / "serve.yaml"
    config.write_text("handler: {limits: {formats: [JPEG], max_bytes: 30000000}}\n")
    server = start("--model-store", str(store), "--models", "tiny", "--config", str(config))
    server.wait_for("Ctrl-C stops")
    body, headers = form("data", b"\xff\xd8\xff\xe0" + bytes(25_000_000))
    answer = server.ask("/predictions/tiny", body, "POST", headers)
    assert (answer.status, answer.content["code"]) == (400, "undecodable")
    assert server.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_kill_leaves_nothing_running(start: Start, store: Path) -> None:
    server = start("--model-store", str(store), "--models", "tiny", "--shadow-share", "1")
    server.wait_for("Ctrl-C stops")
    processes = server.wait_for_processes(2)
    server.process.kill()
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert alive == []


@only_torchserve
def test_crash_of_torchserve_ends_it(start: Start, store: Path) -> None:
    server = start("--model-store", str(store))
    server.wait_for("starting")
    processes = server.wait_for_processes(2)
    frontend = next(process for process in processes if process.ppid() == server.process.pid)
    frontend.kill()
    assert server.end() == 1
    assert "TorchServe ended by itself" in server.output()
    assert living(processes, {frontend.pid}) == []
