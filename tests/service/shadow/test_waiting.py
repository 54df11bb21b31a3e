"""groupnl.service.shadow.waiting: neither many images nor large files pile up."""

import threading
import time
from collections.abc import Callable

import torch
from prometheus_client import CollectorRegistry
from support.shadows import CPU, Count, config, job
from torch import Tensor

from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.metrics import Metrics
from groupnl.service.items import Item
from groupnl.service.shadow import Sampler
from groupnl.service.shadow.batch import Batch, Result
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.job import Job
from groupnl.service.shadow.loop import ShadowLoop
from groupnl.service.shadow.runner import LocalRunner
from groupnl.service.shadow.waiting import MOST_BYTES, Waiting


def _job(key: str, size: int) -> Job:
    pixels, clean = torch.zeros(3, 8, 8, dtype=torch.uint8), torch.zeros(2)
    return Job(key, pixels, clean, None, time.monotonic(), bytes(size - pixels.nbytes - clean.nbytes))


def test_bytes_are_bounded_and_freed_again() -> None:
    waiting = Waiting(most_bytes=1000)
    assert [waiting.put(_job(str(number), 400), room=64) for number in range(3)] == [True, True, False]
    assert [job.key for job in waiting.take(1, 0.0)] == ["0"]
    assert waiting.put(_job("3", 400), room=64)
    assert not waiting.put(_job("4", 400), room=64)
    assert [job.key for job in waiting.take(8, 0.0)] == ["1", "3"]
    assert len(waiting) == 0
    assert waiting.put(_job("5", 1000), room=1)
    assert not waiting.put(_job("6", 200), room=1)


def test_who_takes_waits_for_who_puts() -> None:
    waiting = Waiting()
    taken: list[list[Job]] = []
    thread = threading.Thread(target=lambda: taken.append(waiting.take(8, 30.0)))
    thread.start()
    assert waiting.put(_job("late", 300), room=1)
    thread.join(30)
    assert [job.key for job in taken[0]] == ["late"]
    assert waiting.take(8, 0.0) == []


def test_large_files_are_dropped_as_if_the_queue_were_full(
    engine: TorchEngine, pixels: Tensor, registry: CollectorRegistry, count: Count
) -> None:
    counts = ShadowCounts(Metrics("tiny", registry), None, config().cells())
    shadow = ShadowLoop(LocalRunner(engine, None, CPU), config(), counts, None)  # not started: what is offered waits
    file = bytes(MOST_BYTES // 4)
    for _ in range(5):
        shadow.offer(job(engine, pixels[0])._replace(file=file))
    assert count("groupnl_shadow_queue_length") == 3
    assert count("groupnl_shadow_dropped_total", reason="queue_full") == 2


class _Takes:
    """A runner that keeps what it gets."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.done = threading.Event()

    def start(self) -> None: ...

    def run(self, batch: Batch) -> list[Result | None]:
        self.batches.append(batch)
        self.done.set()
        return [None] * len(batch.pixels)

    def close(self) -> None: ...


def test_files_go_to_a_runner_that_wants_them(
    engine: TorchEngine, pixels: Tensor, registry: CollectorRegistry, begin: Callable[..., ShadowLoop]
) -> None:
    for needs_files in (False, True):
        runner = _Takes()
        counts = ShadowCounts(Metrics("tiny", CollectorRegistry()), None, config().cells())
        shadow = ShadowLoop(runner, config(batch_size=1), counts, None, needs_files=needs_files)
        shadow.start()
        Sampler(counts, shadow).offer(Item({"body": b"file"}, {}), pixels[0], engine(pixels[:1])[0], None)
        assert runner.done.wait(30)
        shadow.close()
        assert runner.batches[0].files == ([b"file"] if needs_files else None)


def test_pixels_that_a_client_sent_are_no_file(
    engine: TorchEngine, pixels: Tensor, registry: CollectorRegistry
) -> None:
    counts = ShadowCounts(Metrics("tiny", registry), None, config().cells())
    shadow = ShadowLoop(LocalRunner(engine, None, CPU), config(), counts, None)
    Sampler(counts, shadow).offer(Item({"body": bytes(12)}, {}, size=(2, 2)), pixels[0], engine(pixels[:1])[0], None)
    assert [job.file for job in shadow._take()] == [b""]


class _Listener:
    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def answered(self, key: str, best: int) -> None:
        self.told.append((key, best))


def test_who_listens_is_told_of_live_answers_and_not_of_the_services_own(
    engine: TorchEngine, pixels: Tensor, registry: CollectorRegistry
) -> None:
    listener = _Listener()
    sampler = Sampler(ShadowCounts(Metrics("tiny", registry), None), None, listeners=[listener])
    logits = engine(pixels[:1])[0]
    for key in ("mine", "groupnl-start"):
        sampler.offer(Item({"body": b"file"}, {"x-request-key": key}), pixels[0], logits, None)
    sampler.offer(Item({"body": b"file"}, {"x-request-key": "broken"}), pixels[0], logits * float("nan"), None)
    assert listener.told == [("mine", int(logits.argmax()))]
