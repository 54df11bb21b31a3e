"""Batch sizes that are prepared when an engine warms up: what a GPU does for them is recorded, and later only started.

A batch runs in the smallest size that holds it. What lies in the rows behind it is computed too, and thrown away: no
row of a network's answer depends on another.
"""

import logging
import threading
import time
from collections.abc import Callable

import torch
from torch import Tensor

from groupnl.inference.warm_up import noise

logger = logging.getLogger(__name__)

LARGEST = 64  # images; beyond it a GPU computes longer than the CPU needs to start its kernels, and padding costs more
_TOLERANCE = 0.05  # of the logits' size; the same kernels run on the same images, what is wrong is off by about 1
Run = Callable[[Tensor], Tensor]
"""Computes logits of pixels; see `groupnl.inference.engines.engine.Engine`."""


class Failures:
    """How often a batch size could not be prepared since this process began.

    Attributes:
        count: so often.
    """

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def add(self) -> None:
        """Count one."""
        with self._lock:
            self.count += 1


FAILURES = Failures()


def fixed_sizes(max_batch: int) -> list[int]:
    """The sizes that are prepared for batches up to `max_batch`: powers of two and the largest, at most `LARGEST`.

    Returns:
        The largest first: smaller ones then find room in the memory that it has left.
    """
    largest = min(max_batch, LARGEST)
    return [largest, *(2**power for power in reversed(range((largest - 1).bit_length())))]


class FixedSizes:
    """What runs batches of fixed sizes. A size that cannot be prepared is told, counted in `FAILURES`, and left out.

    Args:
        what: is prepared for a size, for the log, e.g. "a CUDA graph".
        side: of the input, pixels.
    """

    def __init__(self, what: str, side: int) -> None:
        self._what = what
        self._side = side
        self._runs: dict[int, Run] = {}
        self._tried: set[int] = set()

    @property
    def sizes(self) -> list[int]:
        """That are prepared, the smallest first."""
        return sorted(self._runs)

    def find(self, images: int) -> Run | None:
        """What runs so many images; None where no size holds them."""
        return next((self._runs[size] for size in self.sizes if size >= images), None)

    def add_up_to(self, max_batch: int, prepare: Callable[[int], Run], usual: Run) -> None:
        """Prepare all sizes for batches up to `max_batch` that were not tried before.

        Args:
            max_batch: images in the largest batch.
            prepare: makes what runs one to so many images; raises whatever hinders it.
            usual: runs any number of images without being prepared.
        """
        began, wanted = time.perf_counter(), [size for size in fixed_sizes(max_batch) if size not in self._tried]
        if not wanted:
            return
        for size in wanted:
            if not self._add(size, prepare, usual):
                break
        self._tried.update(wanted)
        if self._runs:
            names, seconds = ", ".join(map(str, self.sizes)), time.perf_counter() - began
            logger.info("groupnl: %s for batches of %s, made in %.1f s; others are padded", self._what, names, seconds)

    def _add(self, size: int, prepare: Callable[[int], Run], usual: Run) -> bool:
        """Prepare a size and see that it computes what is usual; whether it is worth trying smaller ones."""
        try:
            images = noise(size, self._side)
            expected = usual(images)
            run, kept = prepare(size), max(1, size - 1)
            self._check(run(images[:kept]), expected[:kept])
        except Exception as error:  # of CUDA, of compilers and of runtimes
            FAILURES.add()
            is_full = isinstance(error, torch.OutOfMemoryError)
            larger = "smaller sizes are tried" if is_full else "no smaller size is tried"
            logger.warning(
                "groupnl: there is not %s for batches of %d, they run without; %s: %s: %s",
                self._what,
                size,
                larger,
                type(error).__name__,
                error,
            )
            return is_full
        self._runs[size] = run
        return True

    def _check(self, found: Tensor, expected: Tensor) -> None:
        difference = float((found - expected).norm() / expected.norm().clamp_min(1e-6))
        if not difference <= _TOLERANCE:  # also where it is no number
            raise ArithmeticError(f"its logits are others than without it, by {difference:.2g} of their size")
