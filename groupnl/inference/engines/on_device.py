"""Running a network of torch's where its device is: pixels go there, logits come back.

What the engines `eager`, `compile` and `aot` share. On CUDA batches of fixed sizes are recorded when it warms up.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor

from groupnl.inference.engines.cuda_graphs import CudaGraphs, Recorder, trying_algorithms
from groupnl.inference.engines.engine import on_stream, run_or_split, to_device, urgent_stream
from groupnl.inference.engines.fixed_sizes import FixedSizes, Run
from groupnl.inference.heap import keep_memory
from groupnl.inference.warm_up import run_noise


class OnDevice:
    """Runs batches, on CUDA one at a time.

    Args:
        compute: uint8 (B, 3, S, S) in channels-last memory -> float32 (B, classes), both on the device.
        side: of the input, pixels.
        device: that the network is on.
        stream: on CUDA, the one that it runs on; None: the usual one.
        recorder: of fixed batch sizes; None: every batch is run operator by operator.
    """

    def __init__(
        self,
        compute: Callable[[Tensor], Tensor],
        side: int,
        device: torch.device,
        stream: torch.cuda.Stream | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._compute = compute
        self._side = side
        self._device = device
        self._stream = stream
        self._recorder = recorder
        self._fixed = FixedSizes("a CUDA graph", side)
        # What is recorded has one set of buffers, and a package for CUDA serves one caller at a time.
        self._turn: AbstractContextManager[object] = threading.RLock() if device.type == "cuda" else nullcontext()

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits; see `Engine`.

        A batch that does not fit into the device's memory is run in parts; see `run_or_split`.

        Raises:
            torch.OutOfMemoryError: not even one image fits.
        """
        with self._turn:
            return run_or_split(self._run, pixels)

    def warm_up(self, max_batch: int, where: str) -> None:
        """Run once with one image and once with `max_batch`, of noise, and record the sizes up to it; see `Engine`.

        Args:
            max_batch: images in the largest batch.
            where: precision and device, for the error's text.
        """
        with self._turn, trying_algorithms(self._device):
            run_noise(self, self._side, (1, max_batch), where)
            if self._recorder is not None:
                self._fixed.add_up_to(max_batch, partial(self._recorded, self._recorder), self._usual)

    def _run(self, pixels: Tensor) -> Tensor:
        run = self._fixed.find(len(pixels)) or self._usual
        return run(pixels)

    def _usual(self, pixels: Tensor) -> Tensor:
        with torch.no_grad(), on_stream(self._stream, pixels):
            images = to_device(pixels, self._device).contiguous(memory_format=torch.channels_last)
            return self._compute(images).cpu()

    def _recorded(self, recorder: Recorder, size: int) -> Run:
        stream, device = self._stream, self._device
        with torch.no_grad(), torch.cuda.stream(stream):
            images = torch.zeros(size, 3, self._side, self._side, dtype=torch.uint8, device=device)
            images = images.contiguous(memory_format=torch.channels_last)
            compute = recorder.record(self._compute, images)

        def run(pixels: Tensor) -> Tensor:
            with torch.no_grad(), on_stream(stream, pixels):
                # What lies behind stays from batches before: no row's answer depends on another.
                images[: len(pixels)].copy_(to_device(pixels, device))
                return compute()[: len(pixels)].to("cpu", copy=True)

        return run


def on_device(
    compute: Callable[[Tensor], Tensor], side: int, device: torch.device, *, urgent: bool, graphs: bool
) -> OnDevice:
    """What runs a network on a device.

    Args:
        compute: see `OnDevice`.
        side: of the input, pixels.
        device: that the network is on.
        urgent: on CUDA, run on a stream that goes before those of other engines.
        graphs: on CUDA, record fixed batch sizes when warming up.
    """
    keep_memory()
    stream = urgent_stream(device) if urgent else None
    recorder = CudaGraphs(device, stream) if graphs and device.type == "cuda" else None
    return OnDevice(compute, side, device, stream, recorder)
