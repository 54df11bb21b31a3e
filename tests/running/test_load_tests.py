"""Every scenario of the load tests against our own server, with tiny models; then a rollout that loses nothing."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.server import Server, only_ours

pytestmark = only_ours
ROOT = Path(__file__).parents[2]
# No limit of time can be missed by a machine that is busy with other tests.
PATIENT = ("--max-p95-ms", "20000", "--max-busy-ms", "20000", "--min-requests", "15")
PACED = ("--rate", "40", "--duration", "1", *PATIENT)
KEY = "0123456789abcdef0123456789abcdef"
SCENARIOS = {
    "capacity": ("--step-seconds", "1", "--max-users", "4", *PATIENT),
    "twins": PACED,
    "spike": ("--rate", "20", "--duration", "1", "--recovery", "5", "--spike-rate", "1000", *PATIENT),
    "soak": PACED,
    "hostile": (*PACED, "--duration", "2"),  # else not every kind is sent
}
# What depends on how fast the machine is, and what else it does.
OF_THE_MACHINE = ("after recovery", "tiny is not saturated", "leaver is not saturated")


@pytest.fixture
def serve(start: Callable[..., Server], store: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Server]:
    """A server that asks for a key, which the load tests read, too."""
    monkeypatch.setenv("GROUPNL_KEYS", f"locust predict {KEY}")
    monkeypatch.setenv("LOADTEST_TOKEN", KEY)

    def started(*options: str) -> Server:
        server = start("--model-store", str(store), "--workers", "2", "--max-batch-delay-ms", "1", *options)
        server.wait_for("Ctrl-C stops")
        return server

    return started


def load(server: Server, scenario: str, *options: str) -> dict[str, Any]:
    """The summary of a run."""
    summary = server.logs / f"{scenario}.json"
    command = [sys.executable, "-m", "locust", "-f", "loadtests/", "--headless", "--only-summary"]
    command += ["--host", f"http://127.0.0.1:{server.inference}", "--models", "tiny,leaver"]
    command += ["--scenario", scenario, "--summary", str(summary), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert summary.exists(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(summary.read_text(encoding="utf-8"))
    return found


def failed(summary: dict[str, Any]) -> list[str]:
    sentences = [check["sentence"] for check in summary["checks"] if not check["passed"]]
    return [sentence for sentence in sentences if not sentence.startswith(OF_THE_MACHINE)]


@pytest.mark.timeout(600)
def test_every_scenario_holds(serve: Callable[..., Server]) -> None:
    served = serve("--queue-size", "8")  # so that it is soon full
    found = {name: failed(load(served, name, *options)) for name, options in SCENARIOS.items()}
    assert found == {name: [] for name in SCENARIOS}


@pytest.mark.timeout(600)
def test_a_rollout_loses_nothing(serve: Callable[..., Server]) -> None:
    served = serve("--queue-size", "1000")  # a busy machine takes long to start a worker
    found = load(served, "rollout", *PACED, "--stop-pid", str(served.process.pid))
    assert failed(found) == []
    assert served.process.wait(60) == 0
    assert [event["name"] for event in found["figures"]["events"]] == [
        "reload tiny", "reload leaver", "kill -9 tiny", "stop",
    ]  # fmt: skip
    assert found["figures"]["refused"] > 0
