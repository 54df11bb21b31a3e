"""The web page, as somebody uses it: open, choose a scenario, start."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from support.fake_service import FakeService

from groupnl_studies.harness.ports import free_ports

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def ask(url: str, **fields: Any) -> str:
    """GET, or POST with fields; asks again until somebody listens."""
    while True:
        try:
            with urlopen(url, urlencode(fields).encode() if fields else None, timeout=30) as answer:
                return str(answer.read(), "utf-8")
        except URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
            time.sleep(0.05)


def test_the_page_offers_the_scenarios_and_runs_one(tmp_path):
    (port,) = free_ports(1)
    page = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "locust", "-f", "loadtests/", "--web-host", "127.0.0.1"]
    command += ["--web-port", str(port)]
    with FakeService() as service, (tmp_path / "output").open("w+") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
        try:
            assert '"choices": ["capacity", "twins", "spike", "soak", "hostile", "rollout"]' in ask(page)
            options = {"scenario": "twins", "rate": 100, "duration": 1, "max_p95_ms": 20000}
            answer = ask(f"{page}/swarm", host=service.url, management_url=service.url, **options)
            assert json.loads(answer)["success"]
            while json.loads(ask(f"{page}/stats/requests"))["state"] != "stopped":
                assert process.poll() is None
                time.sleep(0.1)
            stats = json.loads(ask(f"{page}/stats/requests"))["stats"]
        finally:
            process.terminate()
            code = process.wait(30)
        output.seek(0)
        assert "twins: PASSED" in output.read()
    assert code == 0
    assert {row["name"]: row["num_requests"] for row in stats} == {
        "gnl_effnet_es": 50, "effnet_es": 50, "Aggregated": 100,
    }  # fmt: skip
