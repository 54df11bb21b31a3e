"""Pixels to logits: the step between the batch and the answers.

`Engine` is what callers rely on; `TorchEngine` runs the network as it was trained.
"""

from typing import Protocol

import torch
from torch import Tensor, nn

from groupnl.card import InputConfig
from groupnl.errors import ConfigError


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


class TorchEngine:
    """A network in eager PyTorch under autocast.

    Convolutions run in `precision` and in channels-last memory order; weights stay float32.

    Args:
        model: takes float (B, 3, S, S), gives (B, classes); in evaluation mode. It is moved to `device`.
        config: size of the input, and the mean and standard deviation it was trained with.
        device: see `choose_device`.
        precision: see `choose_precision`.
        urgent: on CUDA, run on a stream that goes before those of other engines.
    """

    def __init__(
        self,
        model: nn.Module,
        config: InputConfig,
        device: torch.device,
        precision: torch.dtype,
        *,
        urgent: bool = False,
    ) -> None:
        self._model = model.to(device).to(memory_format=torch.channels_last)
        self._size = config.size
        self._mean = torch.tensor(config.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(config.std, device=device).view(1, 3, 1, 1)
        self._device = device
        self._precision = precision
        self._stream = _urgent_stream(device) if urgent and device.type == "cuda" else None
        if precision == torch.float32:  # cuDNN would round to TF32, with 10 bits of mantissa
            torch.backends.cudnn.allow_tf32 = False

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits; see `Engine`.

        A batch that does not fit into the device's memory is run image by image.

        Raises:
            torch.OutOfMemoryError: not even one image fits.
        """
        try:
            return self._forward(pixels)
        except torch.OutOfMemoryError:
            if len(pixels) == 1:
                raise
        # Outside of the except block, whose traceback holds on to the failed run's memory.
        return torch.cat([self._forward(image) for image in torch.split(pixels, 1)])

    def warm_up(self, max_batch: int) -> None:
        """Run once with one image and once with `max_batch`, of noise; see `Engine`."""
        generator = torch.Generator().manual_seed(0)
        for batch in sorted({1, max_batch}):
            shape = (batch, 3, self._size, self._size)
            logits = self(torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator))
            if not bool(logits.isfinite().all()):
                raise ConfigError(
                    f"the network's logits are not finite in precision {self._precision} on {self._device}: "
                    "set another precision; if float32 does the same, the weights cannot be used"
                )

    @torch.inference_mode()
    def _forward(self, pixels: Tensor) -> Tensor:
        with torch.cuda.stream(self._stream):  # of None: the usual stream
            return self._logits(pixels)

    def _logits(self, pixels: Tensor) -> Tensor:
        images = pixels.to(self._device).to(torch.float32, memory_format=torch.channels_last)
        images = images.div_(255).sub_(self._mean).div_(self._std)
        with torch.autocast(self._device.type, self._precision, enabled=self._precision != torch.float32):
            logits: Tensor = self._model(images)
        return logits.float().cpu()


def _urgent_stream(device: torch.device) -> torch.cuda.Stream:
    """A stream of a higher priority than the usual one, which has the lowest that CUDA knows."""
    torch.cuda.synchronize(device)  # the weights were copied on the usual stream
    return torch.cuda.Stream(device, priority=-1)  # type: ignore[no-untyped-call]
