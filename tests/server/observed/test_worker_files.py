"""groupnl.server.observed.worker_files: exact sums through three hundred deaths, in a handful of files."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from groupnl.server.observed.worker_files import WorkerFiles

DEAD = 300
NEVER_A_PROCESS = 10_000_000  # above the most that Linux gives
LIVING = """
import sys
from prometheus_client import CollectorRegistry
from groupnl.metrics import REQUESTS, SHADOW_QUEUE_LENGTH, Metrics
metrics = Metrics("tiny", CollectorRegistry())
metrics.inc(REQUESTS, 3, code="200")
metrics.set(SHADOW_QUEUE_LENGTH, 2)
print("ready", flush=True)
sys.stdin.read()
"""


def _write(folder: Path, pid: int, requests: int, seconds: float, waiting: int) -> None:
    """The files of a worker, as prometheus_client names and fills them."""
    model = (["model"], ["tiny"])
    rows: dict[str, list[tuple[Any, float]]] = {
        "counter": [(("groupnl_requests", "groupnl_requests_total", ["model", "code"], ["tiny", "200"]), requests)],
        "histogram": [
            (("groupnl_batch_size", "groupnl_batch_size_sum", *model), seconds),
            (("groupnl_batch_size", "groupnl_batch_size_bucket", ["model", "le"], ["tiny", "1.0"]), requests),
            (("groupnl_batch_size", "groupnl_batch_size_bucket", ["model", "le"], ["tiny", "+Inf"]), 1),
        ],
        "gauge_livesum": [(("groupnl_shadow_queue_length", "groupnl_shadow_queue_length", *model), waiting)],
        "gauge_livemax": [
            (("groupnl_build_info", "groupnl_build_info", ["model", "version"], ["tiny", f"{pid}"]), 1.0)
        ],
    }
    for kind, values in rows.items():
        file: Any = MmapedDict(str(folder / f"{kind}_{pid}.db"))  # type: ignore[no-untyped-call]
        for (metric, name, labels, label_values), value in values:
            file.write_value(mmap_key(metric, name, labels, label_values, "Help."), float(value), 0.0)
        file.close()


def _samples(files: WorkerFiles) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(value for label, value in sample.labels.items() if label in ("code", "le"))): sample.value
        for metric in files.collect()
        for sample in metric.samples
    }


@contextmanager
def _living(folder: Path) -> Iterator[int]:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-c", LIVING], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        yield process.pid
        process.stdin.close()


@pytest.mark.parametrize("are_told", [True, False], ids=["told", "found"])
def test_what_300_dead_workers_counted_lies_in_two_files(tmp_path: Path, are_told: bool) -> None:
    files = WorkerFiles(tmp_path)
    for number in range(DEAD):
        _write(tmp_path, NEVER_A_PROCESS + number, requests=number, seconds=0.25, waiting=7)
        if are_told:
            files.retire(NEVER_A_PROCESS + number)
    with _living(tmp_path):
        for _ in range(2):  # nothing is added twice
            samples = _samples(files)
            assert samples["groupnl_requests_total", "200"] == sum(range(DEAD)) + 3
            assert samples["groupnl_batch_size_sum",] == DEAD / 4
            assert samples["groupnl_batch_size_bucket", "1.0"] == sum(range(DEAD))
            assert samples["groupnl_batch_size_bucket", "+Inf"] == sum(range(DEAD)) + DEAD
            assert samples["groupnl_batch_size_count",] == sum(range(DEAD)) + DEAD
            assert samples["groupnl_shadow_queue_length",] == 2
            assert ("groupnl_build_info",) not in samples
        gone = [file.name for file in tmp_path.glob("*_gone.db")]
        assert sorted(gone) == ["counter_gone.db", "histogram_gone.db"]
        assert len(list(tmp_path.glob("*.db"))) == 2 + 2  # and those of the living one


def test_a_reused_number_revives_nothing(tmp_path: Path) -> None:
    """A living process has the number of a dead worker: its gauges are no more, its counts are kept once."""
    files = WorkerFiles(tmp_path)
    _write(tmp_path, os.getpid(), requests=5, seconds=1.0, waiting=7)
    for _ in range(2):
        samples = _samples(files)
        assert samples["groupnl_requests_total", "200"] == 5
        assert ("groupnl_shadow_queue_length",) not in samples
    assert len(list(tmp_path.glob("*.db"))) == 2


def test_a_worker_that_is_told_to_be_gone_gives_its_number_to_another(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path)
    with _living(tmp_path) as pid:
        assert _samples(files)["groupnl_requests_total", "200"] == 3
    files.retire(pid)
    _write(tmp_path, pid, requests=1, seconds=1.0, waiting=7)
    assert _samples(files)["groupnl_requests_total", "200"] == 4


def test_a_file_without_content_is_no_error(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path)
    (tmp_path / f"counter_{NEVER_A_PROCESS}.db").touch()
    files.retire(NEVER_A_PROCESS)
    assert _samples(files) == {}
    assert list(tmp_path.iterdir()) == []
