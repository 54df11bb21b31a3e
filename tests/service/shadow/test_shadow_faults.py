"""groupnl.service.shadow when something fails: what is lost is counted, told once, and nothing else is lost with it."""

import hashlib
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from prometheus_client import CollectorRegistry
from support.shadows import CPU, EAGER, PAIRS_DONE, Count, config, job
from support.waiting import until
from torch import Tensor

from groupnl.archive.probe import ProbeSet, save
from groupnl.corruptions import CorruptionSpec, corrupt_each
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.metrics import Metrics
from groupnl.service.items import Item
from groupnl.service.shadow import Sampler, start_shadows
from groupnl.service.shadow.batch import Batch
from groupnl.service.shadow.child_runner import ChildRunner
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.loop import ShadowLoop
from groupnl.service.shadow.messages import Setup
from groupnl.service.shadow.runner import LocalRunner
from groupnl.service.shadow.tell_once import TellOnce


class _Failing:
    """A network that never has the memory it wants, and wants more each time.

    Attributes:
        asked_at: when it was asked, `time.monotonic` seconds.
    """

    def __init__(self) -> None:
        self.asked_at: list[float] = []

    def __call__(self, pixels: Tensor) -> Tensor:
        self.asked_at.append(time.monotonic())
        raise torch.OutOfMemoryError(f"tried to allocate {len(self.asked_at)}.5 MiB at 0x7f{len(self.asked_at)}")

    def warm_up(self, max_batch: int) -> None:
        pass


class _OddlyNotFinite:
    """A network whose numbers for each second image are none."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, pixels: Tensor) -> Tensor:
        logits = self._engine(pixels).clone()
        logits[::2, 3] = math.nan
        return logits

    def warm_up(self, max_batch: int) -> None:
        pass


def test_a_corruption_that_raises_loses_only_its_own_images(
    engine: TorchEngine, pixels: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(images: Tensor, specs: Sequence[CorruptionSpec]) -> Tensor:
        if any(spec.severity == 5 for spec in specs):
            raise RuntimeError("broken")
        return corrupt_each(images, specs)

    monkeypatch.setattr("groupnl.service.shadow.corrupting.corrupt_each", raising)
    specs = [CorruptionSpec("contrast", 1, 0), CorruptionSpec("contrast", 5, 0), None]
    results = LocalRunner(engine, None, CPU).run(Batch(pixels[:3], specs, engine(pixels[:3]).softmax(dim=1)))
    assert [result is None for result in results] == [False, True, False]


def test_a_network_that_raises_is_counted_and_logged_once(
    pixels: Tensor,
    engine: TorchEngine,
    begin: Callable[..., ShadowLoop],
    count: Count,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def out_of_memory(pixels: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("no memory")

    out_of_memory.warm_up = lambda batch: None  # type: ignore[attr-defined]
    shadow = begin(LocalRunner(out_of_memory, None, CPU), config(batch_size=1))  # type: ignore[arg-type]
    for _ in range(2):
        shadow.offer(job(engine, pixels[0]))
    until(lambda: count("groupnl_shadow_dropped_total", reason="fault") == 2)
    assert count("groupnl_shadow_pairs_total") == 0
    assert len([record for record in caplog.records if "shadow requests fail" in record.message]) == 1


def test_an_answer_that_is_not_finite_is_a_flip(
    engine: TorchEngine, pixels: Tensor, begin: Callable[..., ShadowLoop], count: Count
) -> None:
    shadow = begin(LocalRunner(_OddlyNotFinite(engine), None, CPU), config(batch_size=1))  # each is the first
    for image in pixels[:20]:
        shadow.offer(job(engine, image, label=int(engine(image[None]).argmax())))
    until(lambda: count(PAIRS_DONE) == 20)
    assert count("groupnl_shadow_dropped_total") == count("groupnl_shadow_top5_kept_total") == 0
    assert count("groupnl_shadow_flips_total") == count("groupnl_shadow_not_finite_total", corruption="contrast") == 20
    assert count("groupnl_labelled_total") == 20
    assert count("groupnl_labelled_correct_total") == 0
    assert count("groupnl_shadow_js_bits_sum") == 20
    confidence = sum(float(engine(image[None]).softmax(dim=1).max()) for image in pixels[:20])
    assert count("groupnl_shadow_confidence_drop_sum") == pytest.approx(confidence, rel=1e-4)


def test_leaving_out_what_is_not_finite_would_flatter_the_network(engine: TorchEngine, pixels: Tensor) -> None:
    """Half of the answers are none: at most half can be kept, however many of the others are."""
    clean = engine(pixels).softmax(dim=1)
    found = LocalRunner(_OddlyNotFinite(engine), None, CPU).run(Batch(pixels, [None] * len(pixels), clean))
    changes = [result.change for result in found if result is not None and result.change is not None]
    kept = [not change.flipped for change in changes]
    assert len(kept) == len(pixels)
    assert sum(kept) / len(kept) == 0.5
    assert all(kept[1::2])  # nothing was corrupted: leaving the others out would say 100 %


def test_a_twin_that_fails_loses_and_one_without_a_clean_answer_has_no_outcome(
    engine: TorchEngine, pixels: Tensor
) -> None:
    class _FailsLater:
        """Answers the first batch, and then half of each."""

        def __init__(self) -> None:
            self.network: Engine = engine

        def __call__(self, images: Tensor) -> Tensor:
            logits, self.network = self.network(images), _OddlyNotFinite(engine)
            return logits

        def warm_up(self, max_batch: int) -> None:
            pass

    clean = engine(pixels[:4]).softmax(dim=1)
    for twin, expected in ((_OddlyNotFinite(engine), [None, True] * 2), (_FailsLater(), [False, True] * 2)):
        results = LocalRunner(engine, twin, CPU).run(Batch(pixels[:4], [None] * 4, clean))
        assert [result and result.twin_holds for result in results] == expected


def test_a_probe_image_without_an_answer_is_answered_wrongly(
    engine: TorchEngine, pixels: Tensor, begin: Callable[..., ShadowLoop], count: Count
) -> None:
    labels = engine(pixels[:4]).argmax(dim=1)
    runner = LocalRunner(_OddlyNotFinite(engine), None, CPU)
    shadow = begin(runner, config(probe_time_share=1.0, batch_size=4), ProbeSet(pixels[:4], labels))
    until(lambda: count("groupnl_probe_images_total") >= 4)
    shadow.close()  # it would go on
    clean = {"corruption": "none", "severity": "0"}
    assert count("groupnl_probe_correct_total", **clean) == count("groupnl_probe_images_total", **clean) / 2


def test_a_failed_answer_counts_for_no_label(registry: CollectorRegistry, count: Count) -> None:
    shadows = Sampler(ShadowCounts(Metrics("tiny", registry), None), None)
    shadows.offer(
        Item({"body": b"bytes"}, {}), torch.zeros(3, 64, 64, dtype=torch.uint8), torch.full((7,), math.nan), 0
    )
    assert count("groupnl_labelled_total") == count("groupnl_labelled_correct_total") == 0


def test_faults_in_a_row_are_followed_by_growing_pauses(
    engine: TorchEngine, pixels: Tensor, begin: Callable[..., ShadowLoop], caplog: pytest.LogCaptureFixture
) -> None:
    network = _Failing()
    shadow = begin(LocalRunner(network, None, CPU), config(batch_size=1, time_share=0.1))
    for image in pixels[:3]:
        shadow.offer(job(engine, image))
    until(lambda: len(network.asked_at) == 3)
    first, second, third = network.asked_at
    assert second - first < third - second
    assert 1 <= third - second < 9  # a second's pause: the time share does not make ten of it
    assert len([record for record in caplog.records if "shadow requests fail" in record.message]) == 1


def test_no_number_of_faults_ends_the_thread(
    engine: TorchEngine, pixels: Tensor, begin: Callable[..., ShadowLoop], count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groupnl.service.shadow.loop.LONGEST_PAUSE_S", 0.01)
    shadow = begin(LocalRunner(_Failing(), None, CPU), config(batch_size=1))
    shadow.offer(job(engine, pixels[0]))
    until(lambda: count("groupnl_shadow_dropped_total", reason="fault") == 1)
    shadow._failures = 2000  # a day of them
    for _ in range(3):
        shadow.offer(job(engine, pixels[0]))
    until(lambda: count("groupnl_shadow_dropped_total", reason="fault") == 4)


def test_kinds_of_faults_are_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    tell_once = TellOnce(logging.getLogger("test"))
    tell_once(RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"), "batch %d failed", 1)
    tell_once(RuntimeError("CUDA out of memory. Tried to allocate 4.25 MiB"), "batch %d failed", 2)
    tell_once(RuntimeError("CUDA error: misaligned address"), "batch %d failed", 3)
    tell_once(ValueError("CUDA error: misaligned address"), "batch %d failed", 4)
    assert [record.args for record in caplog.records] == [(1,), (3,), (4,)]
    assert all(record.exc_info for record in caplog.records)


@pytest.mark.slow
def test_where_idle_priority_is_refused_niceness_remains(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse, raising=False)
    runner = ChildRunner(Setup(packed, None, EAGER, 1), print)
    try:
        runner.start()
        assert runner.pid is not None
        assert os.getpriority(os.PRIO_PROCESS, runner.pid) == 19
    finally:
        runner.close()


@pytest.mark.slow
def test_a_shadow_process_is_as_nice_as_its_settings_say(packed: Path) -> None:
    runner = ChildRunner(Setup(packed, None, EAGER, 1, niceness=7), print)
    try:
        runner.start()
        assert runner.pid is not None
        assert os.getpriority(os.PRIO_PROCESS, runner.pid) == 7
        assert os.sched_getscheduler(runner.pid) == os.SCHED_OTHER
    finally:
        runner.close()


def test_with_a_probe_set_only_no_live_image_is_looked_at(
    own_copy: Path, pixels: Tensor, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hashed(*_: object) -> str:
        raise AssertionError("nobody needs the key")

    monkeypatch.setattr("groupnl.service.shadow.sampler.request_key", hashed)
    monkeypatch.setattr(threading.Thread, "start", lambda _: None)  # no replay: what is looked at is the offer
    save(ProbeSet(pixels[:2], torch.tensor([0, 1])), own_copy / "probe.safetensors")
    shadows = start_shadows(own_copy, "tiny", config(share=0.0), Metrics("tiny", registry), EAGER)
    shadows._offer(Item({"body": b"bytes"}, {}), pixels[0], torch.zeros(7), None)


def test_a_given_key_spares_hashing_the_file(
    engine: TorchEngine, pixels: Tensor, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = hashlib.blake2b

    def watched(data: bytes, **options: Any) -> Any:
        assert data != b"bytes", "the file was hashed"
        return really(data, **options)

    monkeypatch.setattr("groupnl.robustness.sampling.hashlib.blake2b", watched)
    counts = ShadowCounts(Metrics("tiny", registry), None, config().cells())
    shadow = ShadowLoop(LocalRunner(engine, None, CPU), config(), counts, None)  # not started: what is offered waits
    Sampler(counts, shadow)._offer(Item({"body": b"bytes"}, {"x-request-key": "mine"}), pixels[0], torch.zeros(7), None)
    assert shadow._take()[0].key == "mine"
