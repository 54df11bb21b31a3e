"""CUDA graphs: what a network does on a GPU is recorded once for a batch size, and then started as one piece.

Operator by operator the CPU starts some hundred kernels for a batch, which takes longer than a GPU needs to compute a
small one. See https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

_RUNS_BEFORE = 2  # in a recording nothing may be compiled or loaded
# Only what this thread does must not disturb a recording: another may look at the memory.
_CAPTURE_MODE = "thread_local"


class Recorder(Protocol):
    """Anything that records what a network does."""

    def record(self, compute: Callable[[Tensor], Tensor], images: Tensor) -> Callable[[], Tensor]:
        """Record a run.

        Args:
            compute: images to logits, both on the device.
            images: on the device; they stay where they are, and others are written into them later.

        Returns:
            Computes `images` as they are then, on the current stream; always gives the same tensor.
        """


class CudaGraphs:
    """Records the batch sizes of one network. They share their memory, so only one at a time may run.

    Args:
        device: of CUDA.
        stream: on which it is recorded, and whose priority it keeps; None: one of its own.
    """

    def __init__(self, device: torch.device, stream: torch.cuda.Stream | None) -> None:
        self._stream = stream or torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, compute: Callable[[Tensor], Tensor], images: Tensor) -> Callable[[], Tensor]:
        """Record a run; see `Recorder`.

        Raises:
            torch.OutOfMemoryError: the device's memory does not hold it.
            RuntimeError: the network does something that cannot be recorded: it waits for the device, for one. While it
                is looked for that, no other thread of the process may wait for a device.
        """
        self._stream.wait_stream(torch.cuda.current_stream(images.device))  # the images are written there
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.stream(self._stream):  # which also leaves it after a recording that failed
            for _ in range(_RUNS_BEFORE):
                compute(images)
            with _never_waiting():
                compute(images)
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode=_CAPTURE_MODE):
                logits = compute(images)

        def replay() -> Tensor:
            graph.replay()
            return logits

        return replay


@contextmanager
def _never_waiting() -> Iterator[None]:
    """Raise where the CPU waits for the device.

    A recording must not fail for that: PyTorch up to 2.11 takes one that has failed for one that still goes on.
    See https://github.com/pytorch/pytorch/pull/180395
    """
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*prototype feature")  # which does not find all that waits
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


@contextmanager
def trying_algorithms(device: torch.device) -> Iterator[None]:
    """Let cuDNN time its algorithms for every shape that is met meanwhile; it remembers the quickest.

    Shapes that it meets later it chooses for by rules, at once: only fixed batch sizes are worth the time.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = before or device.type == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
