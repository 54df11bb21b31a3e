"""What an engine is: pixels to logits; and what several engines share in running a batch."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


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

        Raises:
            ConfigError: logits that are not finite.
        """


def run_or_split(forward: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """Run a batch, or, where the device's memory does not hold it, its images one by one.

    Raises:
        torch.OutOfMemoryError: not even one image fits.
    """
    try:
        return forward(pixels)
    except torch.OutOfMemoryError:
        if len(pixels) == 1:
            raise
    # Outside of the except block, whose traceback holds on to the failed run's memory.
    return torch.cat([forward(image) for image in torch.split(pixels, 1)])


def urgent_stream(device: torch.device) -> torch.cuda.Stream | None:
    """On CUDA a stream of a higher priority than the usual one, which has the lowest that CUDA knows."""
    if device.type != "cuda":
        return None
    torch.cuda.synchronize(device)  # the weights were copied on the usual stream
    return torch.cuda.Stream(device, priority=-1)  # type: ignore[no-untyped-call]
