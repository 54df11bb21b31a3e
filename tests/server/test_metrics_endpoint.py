"""groupnl.server.metrics_endpoint: the counts of several worker processes at one address, through their deaths."""

import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from support.waiting import until_equal

from groupnl.server import metrics_endpoint
from groupnl.server.metrics_endpoint import MetricsEndpoint
from groupnl.server.observed import shared_result
from groupnl.server.observed.kept_counts import KeptCounts
from groupnl.server.observed.worker_files import WorkerFiles
from groupnl_studies.harness.ports import free_ports

# A worker that counts three requests, says so, and lives until its input closes.
WORKER = """
import sys
from prometheus_client import CollectorRegistry
from groupnl.metrics import REQUESTS, SHADOW_QUEUE_LENGTH, STAGE_SECONDS, BUILD_INFO, Metrics
metrics = Metrics("tiny", CollectorRegistry())
metrics.start_at_zero(REQUESTS, code=["200", "500"])
metrics.inc(REQUESTS, 3, code="200")
metrics.set(SHADOW_QUEUE_LENGTH, 2)
metrics.set(BUILD_INFO, 1, version="1", arch="a", engine="torch", precision="float32", torch="2", archive_sha256="")
metrics.observe(STAGE_SECONDS, 0.02, stage="infer")
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def _worker(folder: Path) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-c", WORKER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        if process.stdin is not None:
            process.stdin.close()


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[int]:
    (port,) = free_ports(1)
    running = MetricsEndpoint(KeptCounts(WorkerFiles(tmp_path / "metrics")), "127.0.0.1", port)
    running.start()
    yield port
    running.close()


def _scrape(port: int) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return {
        (sample.name, *(value for key, value in sample.labels.items() if key in ("code", "le"))): sample.value
        for family in families
        for sample in family.samples
    }


def test_workers_add_up_and_a_dead_ones_counts_stay(tmp_path: Path, endpoint: int) -> None:
    folder = tmp_path / "metrics"
    with _worker(folder), _worker(folder) as second:
        both = _scrape(endpoint)
        assert both["groupnl_requests_total", "200"] == 6
        assert both["groupnl_requests_total", "500"] == 0
        assert both["groupnl_shadow_queue_length",] == 4
        assert both["groupnl_build_info",] == 1
        assert both["groupnl_stage_seconds_count",] == 2
        assert both["groupnl_stage_seconds_bucket", "0.01"] == 0
        assert both["groupnl_stage_seconds_bucket", "0.025"] == 2
        second.send_signal(signal.SIGKILL)
        second.wait()
        one_left = _scrape(endpoint)
        assert one_left["groupnl_requests_total", "200"] == 6
        assert one_left["groupnl_shadow_queue_length",] == 2
        with _worker(folder):
            assert _scrape(endpoint)["groupnl_requests_total", "200"] == 9


def test_help_says_what_is_counted(tmp_path: Path, endpoint: int) -> None:
    with _worker(tmp_path / "metrics"), urllib.request.urlopen(f"http://127.0.0.1:{endpoint}/metrics") as answer:
        assert b"# HELP groupnl_requests_total Requests that the handler answered" in answer.read()


def test_without_workers_there_is_nothing_to_count(endpoint: int) -> None:
    assert _scrape(endpoint) == {}


def test_a_closed_endpoint_frees_its_port(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    for _ in range(2):
        running = MetricsEndpoint(KeptCounts(WorkerFiles(tmp_path / "metrics")), "127.0.0.1", port)
        running.start()
        running.close()


def test_a_file_that_a_worker_has_just_made_is_no_error(tmp_path: Path, endpoint: int) -> None:
    (tmp_path / "metrics" / "counter_1.db").touch()
    with _worker(tmp_path / "metrics"):
        assert _scrape(endpoint)["groupnl_requests_total", "200"] == 3


class _Slow:
    """Takes until so many wait for what it tells, the first time; counts how often it is asked."""

    def __init__(self, waiting: threading.Semaphore, others: int) -> None:
        self.asked = 0
        self._waiting = waiting
        self._others = others

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        self.asked += 1
        if self.asked == 1:
            assert all(self._waiting.acquire(timeout=60) for _ in range(self._others))
        yield CounterMetricFamily("asked", "How often.", self.asked)


def test_scrapes_at_the_same_time_share_one_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = threading.Semaphore(0)

    class Waited(Future):  # type: ignore[type-arg]
        def result(self, timeout: float | None = None) -> Any:
            waiting.release()
            return super().result(timeout)

    monkeypatch.setattr(shared_result, "Future", Waited)
    (port,) = free_ports(1)
    running = MetricsEndpoint(KeptCounts(WorkerFiles(tmp_path / "metrics")), "127.0.0.1", port)
    running.registry.register(slow := _Slow(waiting, others=7))
    running.start()
    try:
        with ThreadPoolExecutor(8) as scrapers:
            pages = [scrapers.submit(_scrape, port) for _ in range(8)]
            assert [page.result() for page in pages] == [{("asked_total",): 1}] * 8
        assert slow.asked == 1
        assert _scrape(port) == {("asked_total",): 2}
    finally:
        running.close()


def test_the_dead_are_looked_for_between_scrapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_endpoint, "SWEEP_S", 0.05)
    (port,) = free_ports(1)
    folder = tmp_path / "metrics"
    running = MetricsEndpoint(KeptCounts(WorkerFiles(folder)), "127.0.0.1", port)
    running.start()
    try:
        with _worker(folder) as worker:
            worker.kill()
        until_equal(lambda: sorted(file.name for file in folder.iterdir()), ["counter_gone.db", "histogram_gone.db"])
        assert _scrape(port)["groupnl_requests_total", "200"] == 3
    finally:
        running.close()
