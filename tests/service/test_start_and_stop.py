"""`groupnl serve`: starting, refusing to start, stopping."""

import json
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.server import Server, living

Start = Callable[..., Server]


def test_check_starts_and_stops(start: Start, store: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    server = start("--check", "--model-store", str(store), "--models", "tiny", "--workers", "2")
    assert server.end() == 0
    assert time.monotonic() - began < 60
    output = server.output()
    assert "starting tiny: 2 workers" in output
    assert f"http://127.0.0.1:{server.inference}/predictions/tiny" in output
    assert "stopped" in output
    assert {"ts_log.log", "model_log.log", "access_log.log"} <= {file.name for file in (tmp_path / "logs").iterdir()}


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
    assert server.end() == 1
    assert "--token-auth" in server.output()
    assert "--allow-open" in server.output()


def test_model_that_cannot_be_loaded_ends_it(start: Start, store: Path, tmp_path: Path) -> None:
    config = tmp_path / "serve.yaml"
    config.write_text("handler: {devise: cpu}\n")
    began = time.monotonic()
    server = start("--model-store", str(store), "--models", "tiny", "--config", str(config))
    assert server.end() == 1
    assert time.monotonic() - began < 90
    assert "groupnl serve: cannot load model tiny:" in server.output()
    assert "devise" in server.output()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_while_workers_load(start: Start, store: Path, number: signal.Signals) -> None:
    server = start("--model-store", str(store))
    server.wait_for_processes(3)
    assert server.stop(number) == 0
    assert "ready" not in server.output()


def test_keys(start: Start, store: Path) -> None:
    server = start("--model-store", str(store), "--models", "tiny", "--token-auth")
    output = server.wait_for("Ctrl-C stops")
    assert "keys: " in output
    assert server.predict("tiny", b"no image").status == 400
    assert server.predict("tiny", b"no image", {"Authorization": "Bearer wrong"}).status == 400
    key = json.loads(Path(output.split("keys: ")[1].splitlines()[0]).read_text())["inference"]["key"]
    assert server.predict("tiny", b"no image", {"Authorization": f"Bearer {key}"}).status == 415
    assert server.stop(signal.SIGINT) == 0


def test_crash_of_torchserve_ends_it(start: Start, store: Path) -> None:
    server = start("--model-store", str(store))
    server.wait_for("starting")
    processes = server.wait_for_processes(2)
    frontend = next(process for process in processes if process.ppid() == server.process.pid)
    frontend.kill()
    assert server.end() == 1
    assert "TorchServe ended by itself" in server.output()
    assert living(processes, {frontend.pid}) == []
