"""groupnl.service.shadow: every chosen image is accounted for, whatever happens to it, and no reply waits for it."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch
from prometheus_client import CollectorRegistry
from support.shadows import CPU, EAGER, PAIRS_DONE, Count, Linear, config, job
from support.waiting import until
from torch import Tensor

from groupnl.archive.probe import ProbeSet
from groupnl.corruptions import CorruptionSpec, corrupt
from groupnl.errors import ServerError
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.metrics import Metrics
from groupnl.robustness.compare import compare
from groupnl.service.items import Item
from groupnl.service.shadow import Sampler
from groupnl.service.shadow.batch import Batch, Result
from groupnl.service.shadow.child_runner import ChildRunner
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.job import Job
from groupnl.service.shadow.loop import ShadowLoop
from groupnl.service.shadow.messages import Setup
from groupnl.service.shadow.pace import Pace
from groupnl.service.shadow.runner import LocalRunner


class _Blocked:
    """A runner that waits until it is told to go on, and then answers nothing."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.entered = threading.Event()

    def start(self) -> None:
        pass

    def run(self, batch: Batch) -> list[Result | None]:
        self.entered.set()
        self.go_on.wait()
        return [None] * len(batch.pixels)

    def close(self) -> None:
        pass


def test_counts_equal_an_independent_computation(
    pixels: Tensor, begin: Callable[..., ShadowLoop], count: Count
) -> None:
    engine = Linear()
    groups = torch.tensor([0, 0, 0, 1, 1, 1, 2])
    shadow = begin(LocalRunner(engine, None, CPU, groups), config(severities=(5,)))
    labels = [index % 7 for index in range(len(pixels))]
    for index, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        shadow.offer(job(engine, image, str(index), label))
    until(lambda: count(PAIRS_DONE) == 40)

    clean = engine(pixels).softmax(dim=1)
    changes = compare(clean, engine(corrupt(pixels, "contrast", 5)).softmax(dim=1), groups)
    cell = {"corruption": "contrast", "severity": "5"}
    assert count("groupnl_shadow_flips_total", **cell) == sum(change.flipped for change in changes) > 0
    in_group = sum(change.group_kept for change in changes)
    assert (
        40 - count("groupnl_shadow_flips_total", **cell) < in_group == count("groupnl_shadow_group_kept_total", **cell)
    )
    assert count("groupnl_shadow_top5_kept_total", **cell) == sum(change.top5_kept for change in changes)
    assert count("groupnl_shadow_js_bits_sum") == pytest.approx(sum(c.js_bits for c in changes), rel=1e-4)
    drops = sum(change.confidence_drop for change in changes)
    assert count("groupnl_shadow_confidence_drop_sum") == pytest.approx(drops, rel=1e-4)
    assert count("groupnl_labelled_total", **cell) == 40
    right = sum(change.best == label for change, label in zip(changes, labels, strict=True))
    assert count("groupnl_labelled_correct_total", **cell) == right
    assert count("groupnl_shadow_lag_seconds_count") == 40
    assert count("groupnl_shadow_queue_length") == 0


def test_cells_fill_alike(engine: TorchEngine, pixels: Tensor, begin: Callable[..., ShadowLoop], count: Count) -> None:
    shadow = begin(LocalRunner(engine, None, CPU), config(batch_size=3))
    for image in pixels[:10]:
        shadow.offer(job(engine, image))
    until(lambda: count(PAIRS_DONE) == 10)
    assert count("groupnl_shadow_pairs_total", severity="1") == count("groupnl_shadow_pairs_total", severity="5") == 5


def test_the_twin_answers_the_same_pixels(
    engine: TorchEngine, pixels: Tensor, begin: Callable[..., ShadowLoop], count: Count
) -> None:
    shadow = begin(LocalRunner(engine, engine, CPU), config(), twin="itself")
    for image in pixels:
        shadow.offer(job(engine, image))
    until(lambda: count(PAIRS_DONE) == 40)
    flips = count("groupnl_shadow_flips_total")
    assert count("groupnl_shadow_paired_outcomes_total", outcome="both_flip", reference="itself") == flips
    assert count("groupnl_shadow_paired_outcomes_total", outcome="both_hold") == 40 - flips
    assert count("groupnl_shadow_paired_outcomes_total", outcome="model_only") == 0


def test_a_full_queue_drops_and_never_waits(
    engine: TorchEngine, pixels: Tensor, begin: Callable[..., ShadowLoop], count: Count
) -> None:
    runner = _Blocked()
    shadow = begin(runner, config(queue_length=4, batch_size=1))
    image = job(engine, pixels[0])
    shadow.offer(image)
    assert runner.entered.wait(10)
    for _ in range(10):
        shadow.offer(image)  # whoever waited here would wait for ever
    assert count("groupnl_shadow_sampled_total") == 11
    assert count("groupnl_shadow_dropped_total", reason="queue_full") == 6
    assert count("groupnl_shadow_queue_length") == 4
    runner.go_on.set()
    until(lambda: count("groupnl_shadow_dropped_total", reason="fault") == 5)


def test_old_images_are_dropped(
    engine: TorchEngine, pixels: Tensor, begin: Callable[..., ShadowLoop], count: Count
) -> None:
    shadow = begin(LocalRunner(engine, None, CPU), config(max_lag_s=5))
    shadow.offer(job(engine, pixels[0], age_s=6))
    shadow.offer(job(engine, pixels[0]))
    until(lambda: count(PAIRS_DONE) == 1)
    assert count("groupnl_shadow_dropped_total", reason="expired") == 1


def test_the_probe_set_is_replayed(
    engine: TorchEngine, pixels: Tensor, begin: Callable[..., ShadowLoop], count: Count
) -> None:
    labels = engine(pixels[:6]).argmax(dim=1)
    shadow = begin(LocalRunner(engine, None, CPU), config(probe_time_share=1.0), ProbeSet(pixels[:6], labels))
    until(lambda: count("groupnl_probe_images_total") >= 18)  # once round: 6 images, clean and two cells
    shadow.close()  # it would go on
    clean = {"corruption": "none", "severity": "0"}
    assert count("groupnl_probe_correct_total", **clean) == count("groupnl_probe_images_total", **clean) >= 6
    assert count("groupnl_probe_images_total", severity="5") >= 6


class _Recorder(ShadowLoop):
    """Takes what it is offered."""

    def __init__(self, share: float) -> None:
        self.jobs: list[Job] = []
        self._config = config(share=share)
        self._pace = Pace(self._config)

    def offer(self, job: Job) -> None:
        self.jobs.append(job)


def test_the_live_path_offers_what_the_network_saw(
    engine: TorchEngine, pixels: Tensor, registry: CollectorRegistry, count: Count
) -> None:
    recorder = _Recorder(share=1.0)
    shadows = Sampler(ShadowCounts(Metrics("tiny", registry), None), recorder)
    logits = engine(pixels[:1])[0]
    best = int(logits.argmax())
    shadows.offer(Item({"body": b"bytes"}, {"x-request-key": "mine"}), pixels[0], logits, best)
    shadows.offer(Item({"body": b"bytes"}, {}), pixels[0], logits, (best + 1) % 7)
    shadows.offer(Item({"body": b"bytes"}, {}), pixels[0], logits, None)
    assert [job.key for job in recorder.jobs][:1] == ["mine"]
    assert recorder.jobs[0].pixels is pixels[0] or torch.equal(recorder.jobs[0].pixels, pixels[0])
    assert recorder.jobs[0].clean.sum().item() == pytest.approx(1)
    assert count("groupnl_labelled_total", corruption="none", severity="0") == 2
    assert count("groupnl_labelled_correct_total", corruption="none", severity="0") == 1


def test_share_zero_offers_nothing(engine: TorchEngine, pixels: Tensor, registry: CollectorRegistry) -> None:
    recorder = _Recorder(share=0.0)
    shadows = Sampler(ShadowCounts(Metrics("tiny", registry), None), recorder)
    shadows.offer(Item({"body": b"bytes"}, {}), pixels[0], engine(pixels[:1])[0], None)
    assert recorder.jobs == []


def test_a_fault_of_the_offer_reaches_nobody(
    engine: TorchEngine, pixels: Tensor, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    shadows = Sampler(ShadowCounts(Metrics("tiny", registry), None), _Recorder(share=1.0))
    for _ in range(2):
        shadows.offer(Item({}, {}), pixels[0], engine(pixels[:1])[0], None)  # has no image
    assert len(caplog.records) == 1


@pytest.fixture(scope="module")
def _all_deaths() -> list[str]:
    return []


@pytest.fixture
def deaths(_all_deaths: list[str]) -> list[str]:
    """Those in this test."""
    _all_deaths.clear()
    return _all_deaths


@pytest.fixture(scope="module")
def _one_child(packed: Path, _all_deaths: list[str]) -> Iterator[ChildRunner]:
    runner = ChildRunner(Setup(packed, packed, EAGER, 1), _all_deaths.append)
    yield runner
    runner.close()


@pytest.fixture
def child(_one_child: ChildRunner, deaths: list[str]) -> ChildRunner:
    """Runs, also where the test before has ended it."""
    if _one_child.pid is None:
        _one_child.start()
    return _one_child


@pytest.mark.slow
def test_the_process_answers_as_the_thread_does(
    child: ChildRunner, engine: TorchEngine, pixels: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = [CorruptionSpec("contrast", 1 + index % 5, index) for index in range(8)]
    clean = engine(pixels[:8]).softmax(dim=1)
    expected = LocalRunner(engine, engine, CPU).run(Batch(pixels[:8], specs, clean))
    found = child.run(Batch(pixels[:8], specs, clean))
    for one, other in zip(found, expected, strict=True):
        assert one is not None
        assert other is not None
        assert (one.best, one.twin_holds) == (other.best, other.twin_holds)
        assert one.change == pytest.approx(other.change, abs=1e-5)
    assert [result.best for result in child.run(Batch(pixels[:2], [None, None], None)) if result] == [
        int(best) for best in clean[:2].argmax(dim=1)
    ]
    if hasattr(os, "SCHED_IDLE"):
        assert child.pid is not None
        assert os.sched_getscheduler(child.pid) == os.SCHED_IDLE


@pytest.mark.slow
def test_a_killed_process_is_started_again(
    packed: Path,
    deaths: list[str],
    engine: TorchEngine,
    pixels: Tensor,
    begin: Callable[..., ShadowLoop],
    count: Count,
) -> None:
    child = ChildRunner(Setup(packed, None, EAGER, 1, niceness=0), deaths.append)
    shadow = begin(child, config(batch_size=1))
    shadow.offer(job(engine, pixels[0]))
    until(lambda: count(PAIRS_DONE) == 1)
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(first)] if psutil.pid_exists(first) else [], timeout=60)
    shadow.offer(job(engine, pixels[0]))
    until(lambda: count("groupnl_shadow_dropped_total", reason="fault") == 1)
    shadow.offer(job(engine, pixels[0]))
    until(lambda: count(PAIRS_DONE) == 2)
    assert child.pid != first
    assert deaths == ["died"]


@pytest.mark.slow
def test_a_hung_process_is_ended_and_started_again(
    child: ChildRunner,
    deaths: list[str],
    engine: TorchEngine,
    pixels: Tensor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    specs, clean = [CorruptionSpec("contrast", 1, 0)] * 40, engine(pixels).softmax(dim=1)
    hung = child.pid
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    with monkeypatch.context() as impatient:
        impatient.setattr("groupnl.service.shadow.child_runner.STILL_S", 1.0)
        with pytest.raises(ServerError, match="the shadow process hung"):
            child.run(Batch(pixels, specs, clean))  # more than the pipe holds: sending waits
    assert not psutil.pid_exists(hung)
    assert deaths == ["timeout"]
    assert [record.message for record in caplog.records] == [
        f"shadow requests hang: process {hung} has got no processor time for 1 s, and is ended; it is started again"
    ]
    assert None not in child.run(Batch(pixels, specs, clean))


@pytest.mark.slow
def test_a_process_that_computes_without_end_is_ended_and_one_that_has_no_processor_is_not(
    child: ChildRunner, deaths: list[str], engine: TorchEngine, pixels: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs, clean = [CorruptionSpec("contrast", 1, 0)] * 40, engine(pixels).softmax(dim=1)
    monkeypatch.setattr("groupnl.service.shadow.watchdog._POLL_S", 0.001)
    monkeypatch.setattr("groupnl.service.shadow.watchdog._processor_s", lambda _: time.monotonic() / 100)
    monkeypatch.setattr("groupnl.service.shadow.child_runner.STILL_S", 0.05)
    assert None not in child.run(
        Batch(pixels, specs, clean)
    )  # it gets a hundredth of a processor, and may take its time
    monkeypatch.setattr("groupnl.service.shadow.child_runner.BUSY_S", 0.0)
    with pytest.raises(ServerError, match="the shadow process hung"):
        child.run(Batch(pixels, specs, clean))
    assert deaths == ["timeout"]


@pytest.mark.slow
def test_what_cannot_be_loaded_is_told(tmp_path: Path, deaths: list[str]) -> None:
    runner = ChildRunner(Setup(tmp_path, None, EAGER, 1), deaths.append)
    with pytest.raises(ServerError, match="ArchiveError"):
        runner.start()
    assert runner.pid is None
    assert deaths == ["loading"]
