"""The part `priority`: what a shadow beside it costs the live network on the same device.

The live engine runs on a stream that goes first, the shadow's on the usual one, in a thread of the same process, as in
a worker on a GPU. Beside it the same without that priority.
"""

import itertools
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from groupnl.corruptions import CELLS, CorruptionSpec
from groupnl.corruptions.corrupt import check
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device, choose_precision
from groupnl.inference.device_names import Device
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.inference.rewrite import own_copy, to_inference
from groupnl.service.shadow.batch import Batch
from groupnl.service.shadow.runner import LocalRunner
from groupnl_studies.gpu.findings import Findings
from groupnl_studies.gpu.plan import make_plan
from groupnl_studies.harness.random_network import pictures, random_network, usual_input

_BATCH = 8  # of both
_ROUNDS = 3
_PAUSE_S = 0.002  # between two live batches
ALONE, FIRST, EQUAL = "alone", "beside a shadow, going first", "beside a shadow, as equals"


def run(device: Device, work: Path, findings: Findings) -> None:
    """Time live batches in turns: alone, and beside a shadow with and without priority."""
    plan, chosen = make_plan(device), choose_device(device)
    config, precision = usual_input(plan.size), choose_precision("auto", chosen)
    model, twin = (random_network(network, config) for network in plan.pairs[0])

    def engine(network: nn.Module, *, urgent: bool = False) -> Engine:
        made = TorchEngine(to_inference(own_copy(network)), config, chosen, precision, urgent=urgent)
        made.warm_up(_BATCH)
        return made

    live = {ALONE: engine(model, urgent=True), EQUAL: engine(model)}
    live[FIRST] = live[ALONE]
    shadow = Shadow(LocalRunner(engine(model), engine(twin), chosen), live[EQUAL], pictures(_BATCH, plan.size))
    latencies: dict[str, list[float]] = {ALONE: [], FIRST: [], EQUAL: []}
    for _ in range(_ROUNDS):
        latencies[ALONE] += ask(live[ALONE], shadow.images, plan.beside_s)
        for name in (FIRST, EQUAL):
            with shadow.running():
                latencies[name] += ask(live[name], shadow.images, plan.beside_s)
    if not shadow.answered:
        findings.problem("the shadow has answered no image")
    findings.put("shadow_images_s", shadow.answered / shadow.seconds)
    findings.put("live", {name: _summary(found) for name, found in latencies.items()})
    for name, found in latencies.items():
        summary = _summary(found)
        findings.say(f"live batches of {_BATCH} {name}: p50 {summary['p50_ms']:.2f} ms, p99 {summary['p99_ms']:.2f} ms")
    findings.say(f"the shadow beside them: {shadow.answered / shadow.seconds:.0f} images a second")


class Shadow:
    """Answers the same pictures again and again, corrupted, in a thread, as fast as it can.

    Args:
        runner: does it.
        engine: gives the clean answers.
        images: uint8 (B, 3, S, S).

    Attributes:
        images: the same.
        answered: images so far.
        seconds: that it ran so far.
    """

    def __init__(self, runner: LocalRunner, engine: Engine, images: Tensor) -> None:
        self.images = images
        self.answered = 0
        self.seconds = 0.0
        self._runner = runner
        self._clean = engine(images).softmax(dim=1)
        cells = itertools.cycle(cell for cell in CELLS if _can_be_made(cell.corruption))
        self._specs = (CorruptionSpec(*cell, seed) for seed, cell in enumerate(cells))
        self._fault: Exception | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """While it is open, it works. Raises what went wrong in the thread."""
        ended, began = threading.Event(), time.monotonic()
        thread = threading.Thread(target=self._work, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.seconds += time.monotonic() - began
        if self._fault is not None:
            raise self._fault

    def _work(self, ended: threading.Event) -> None:
        try:
            while not ended.is_set():
                specs = list(itertools.islice(self._specs, len(self.images)))
                results = self._runner.run(Batch(self.images, specs, self._clean))
                self.answered += sum(result is not None for result in results)
        except Exception as error:
            self._fault = error


def ask(engine: Engine, images: Tensor, seconds: float) -> list[float]:
    """Run batches with pauses for so long; milliseconds of each, at least two."""
    found: list[float] = []
    deadline = time.perf_counter() + seconds
    while len(found) < 2 or time.perf_counter() < deadline:
        began = time.perf_counter()
        engine(images)
        found.append((time.perf_counter() - began) * 1e3)
        time.sleep(_PAUSE_S)
    return found


def _can_be_made(corruption: str) -> bool:
    try:
        check([corruption])
    except ConfigError:
        return False
    return True


def _summary(latencies: Sequence[float]) -> dict[str, Any]:
    hundredths = statistics.quantiles(latencies, n=100, method="inclusive")
    return {"batches": len(latencies), "p50_ms": hundredths[49], "p99_ms": hundredths[98]}
