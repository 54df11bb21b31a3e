"""groupnl.service.gpu with a played torch.cuda: what a GPU's memory holds is told, again and again, until it fails."""

import itertools
import threading

import pytest
import torch
from prometheus_client import CollectorRegistry
from support.waiting import until

from groupnl.inference.engines.engine import Halvings
from groupnl.inference.engines.fixed_sizes import Failures
from groupnl.metrics import Metrics
from groupnl.service import gpu
from groupnl.service.gpu import tell_gpu, watch_gpu

DEVICE = torch.device("cuda", 1)
GIB = 2**30


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch) -> Metrics:
    """Of a worker whose GPU is played: each look finds a GiB less that is free."""
    free = itertools.count(60, -1)

    def look(device: torch.device) -> tuple[int, int]:
        assert device == DEVICE
        if (left := next(free)) < 50:
            raise RuntimeError("CUDA error")
        return left * GIB, 80 * GIB

    monkeypatch.setattr(torch.cuda, "mem_get_info", look)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 3 * GIB)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 5 * GIB)
    return Metrics("tiny", registry)


def _told(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"groupnl_gpu_memory{name}_bytes", {"model": "tiny", "device": "cuda:1", **labels})


def test_what_is_told(registry: CollectorRegistry, metrics: Metrics) -> None:
    tell_gpu(metrics, DEVICE)
    assert _told(registry, "", kind="allocated") == 3 * GIB
    assert _told(registry, "", kind="reserved") == 5 * GIB
    assert _told(registry, "_used") == 20 * GIB
    assert _told(registry, "_total") == 80 * GIB


def test_batches_that_did_not_fit_and_sizes_that_were_not_recorded_are_counted_once(
    registry: CollectorRegistry, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    halvings, failures = Halvings(), Failures()
    monkeypatch.setattr(gpu, "HALVINGS", halvings)
    monkeypatch.setattr(gpu, "FAILURES", failures)

    def counted(what: str) -> float | None:
        labels = {"model": "tiny", "device": "cuda:1"}
        return registry.get_sample_value(f"groupnl_gpu_{what}_total", labels)

    told = tell_gpu(metrics, DEVICE)
    assert (counted("halvings"), counted("unrecorded")) == (0, 0)
    halvings.add(8, 4)
    halvings.add(4, 2)
    failures.add()
    for _ in range(2):
        told = tell_gpu(metrics, DEVICE, told)
        assert (counted("halvings"), counted("unrecorded")) == (2, 1)


def test_it_is_told_until_it_fails(
    registry: CollectorRegistry, metrics: Metrics, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gpu, "PAUSE_S", 0.01)
    watch_gpu(metrics, DEVICE)
    until(lambda: not any(thread.name == "gpu" for thread in threading.enumerate()))
    assert _told(registry, "_used") == 30 * GIB
    assert "the memory of cuda:1 cannot be read" in caplog.text
