"""What an engine is: pixels to logits; and what several engines share in running a batch."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

logger = logging.getLogger(__name__)


class Halvings:
    """How often a batch did not fit into a device's memory since this process began.

    Attributes:
        count: so often.
    """

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def add(self, images: int, size: int) -> None:
        """Count one; the first is told in the log."""
        with self._lock:
            self.count += 1
            is_first = self.count == 1
        if is_first:
            logger.warning(
                "the device's memory does not hold a batch of %d images: it is run by %d, and so are others that do "
                "not fit; smaller batches or fewer workers are quicker",
                images,
                size,
            )


HALVINGS = Halvings()


class MemoryFaults:
    """Whether the lack of a device's memory is behind an error that does not say so: torch's allocator counts it.

    Args:
        device: on a CPU it never is.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._known = self._count()

    def has_new(self) -> bool:
        """Whether memory has been wanting since this was asked before, or since this was made."""
        known, self._known = self._known, self._count()
        return self._known > known

    def _count(self) -> int:
        if self._device.type != "cuda":
            return 0
        count: int = torch.cuda.memory_stats(self._device).get("num_ooms", 0)
        return count


class Engine(Protocol):
    """Anything that classifies a batch of pixels."""

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits.

        Args:
            pixels: uint8 of shape (B, 3, S, S), on the CPU, B at least 1.

        Returns:
            float32 of shape (B, classes), on the CPU.
        """

    def warm_up(self, max_batch: int) -> None:
        """Run once with one image and once with `max_batch`, so that no request pays for first-time work.

        On CUDA batches of fixed sizes up to it are recorded, too; see `groupnl.inference.engines.fixed_sizes`.

        Raises:
            ConfigError: logits that are not finite.
        """


def run_or_split(forward: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """Run a batch; where the device's memory does not hold it, in halves, and those in halves, down to one image.

    What is left of the batch is not tried in a size that did not fit; the next batch is. Each halving is counted in
    `HALVINGS`.

    Raises:
        torch.OutOfMemoryError: not even one image fits.
    """
    size, logits, rest = len(pixels), [], pixels
    while len(rest):
        part = rest[:size]
        # Not handled in an except block, whose traceback holds on to the failed run's memory.
        found = _fitting(forward, part)
        if found is None:
            size = (len(part) + 1) // 2
            HALVINGS.add(len(part), size)
        else:
            logits.append(found)
            rest = rest[len(part) :]
    return logits[0] if len(logits) == 1 else torch.cat(logits)


def to_device(pixels: Tensor, device: torch.device) -> Tensor:
    """Images where they are computed.

    To CUDA from page-locked memory, which torch keeps for the next batch: the copy needs no further one in between, and
    is waited for on the device only.
    """
    if device.type == "cuda" and pixels.device.type == "cpu":
        return pixels.pin_memory().to(device, non_blocking=True)
    return pixels.to(device)


@contextmanager
def on_stream(stream: torch.cuda.Stream | None, pixels: Tensor) -> Iterator[None]:
    """Compute on a stream; None: on the current one.

    Pixels that lie on the device, as a shadow's do, are waited for there. Those from the CPU wait for nobody: the
    current stream may be full of a shadow's work.
    """
    if stream is not None and pixels.device.type == "cuda":
        stream.wait_stream(torch.cuda.current_stream(pixels.device))
    with torch.cuda.stream(stream):
        yield


def keep_exact(precision: torch.dtype) -> None:
    """Let cuDNN compute float32 as it is from now on, where that is asked for: it would round to TF32, 10 bits."""
    if precision == torch.float32:
        torch.backends.cudnn.allow_tf32 = False


def urgent_stream(device: torch.device) -> torch.cuda.Stream | None:
    """On CUDA a stream of a higher priority than the usual one, which has the lowest that CUDA knows."""
    if device.type != "cuda":
        return None
    torch.cuda.synchronize(device)  # the weights were copied on the usual stream
    return torch.cuda.Stream(device, priority=-1)  # type: ignore[no-untyped-call]


def _fitting(forward: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor | None:
    """The logits; None where the memory does not hold several images."""
    try:
        return forward(pixels)
    except torch.OutOfMemoryError:
        if len(pixels) == 1:
            raise
    return None
