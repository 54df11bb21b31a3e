"""The engine of a package that AOTInductor compiled; see `groupnl.inference.engines.package`."""

from pathlib import Path

import torch
from torch import Tensor

from groupnl.card import InputConfig
from groupnl.inference.engines.package import MAX_BATCH
from groupnl.inference.engines.torch_engine import run_or_split, urgent_stream
from groupnl.inference.native import build as native
from groupnl.inference.warm_up import run_noise


class PackageEngine:
    """Runs a compiled package.

    Args:
        package: file of `compile_package`, whose target fits this machine: machine code is run as it is.
        kernel: the native kernel that it calls, if any.
        config: of the network's input.
        device: that it was compiled for.
        urgent: on CUDA, run on a stream that goes before those of other engines.
    """

    def __init__(
        self, package: Path, kernel: Path | None, config: InputConfig, device: torch.device, *, urgent: bool = False
    ) -> None:
        if kernel is not None:
            native.load(kernel)
        index = -1 if device.index is None else device.index
        self._run = torch._inductor.aoti_load_package(str(package), device_index=index)
        self._size = config.size
        self._device = device
        self._stream = urgent_stream(device) if urgent else None

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits; see `Engine`."""
        # The machine code takes the memory order it was compiled for, without looking.
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        return torch.cat([run_or_split(self._forward, part) for part in torch.split(pixels, MAX_BATCH)])

    def warm_up(self, max_batch: int) -> None:
        """Run once with one image and once with `max_batch`, of noise; see `Engine`."""
        run_noise(self, self._size, (1, max_batch), f"of the compiled package on {self._device}")

    @torch.inference_mode()
    def _forward(self, pixels: Tensor) -> Tensor:
        with torch.cuda.stream(self._stream):  # of None: the usual stream
            logits: Tensor = self._run(pixels.to(self._device))
            return logits.cpu()
