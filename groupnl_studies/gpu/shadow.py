"""The live network and the shadow beside it, as a worker on a GPU has them."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from groupnl.corruptions import CELLS, CorruptionSpec
from groupnl.corruptions.corrupt import check
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device, choose_precision
from groupnl.inference.device_names import Device
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.inference.rewrite import to_inference
from groupnl.service.shadow.batch import Batch
from groupnl.service.shadow.runner import LocalRunner
from groupnl_studies.gpu.plan import make_plan
from groupnl_studies.harness.random_network import pictures, random_network, usual_input

BATCH = 8  # images, of both


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


def make_shadow(device: Device) -> Shadow:
    """A shadow with the first pair of the plan; its engines record nothing, as in a worker."""
    plan, chosen = make_plan(device), choose_device(device)
    model, twin = (make_engine(network, device, graphs=False) for network in plan.pairs[0])
    return Shadow(LocalRunner(model, twin, chosen), model, pictures(BATCH, plan.size))


def make_engine(network: str, device: Device, *, urgent: bool = False, graphs: bool = True) -> Engine:
    """An engine that has warmed up.

    Args:
        network: timm name.
        device: "cuda" or "cpu".
        urgent: goes before others on the device.
        graphs: records its batches.
    """
    chosen, config = choose_device(device), usual_input(make_plan(device).size)
    rewritten = to_inference(random_network(network, config))
    made = TorchEngine(rewritten, config, chosen, choose_precision("auto", chosen), urgent=urgent, graphs=graphs)
    made.warm_up(BATCH)
    return made


def _can_be_made(corruption: str) -> bool:
    try:
        check([corruption])
    except ConfigError:
        return False
    return True
