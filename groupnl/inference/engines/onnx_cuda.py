"""ONNX Runtime on CUDA: which providers are tried, and runs from and to memory of their own on the device.

Fixed batch sizes are bound to such memory when warming up, and recorded as CUDA graphs where TensorRT does not compute.
See https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from groupnl.errors import EngineStartError, RewriteError
from groupnl.inference.engines.engine import on_stream, run_or_split, to_device, urgent_stream
from groupnl.inference.engines.fixed_sizes import FAILURES, FixedSizes, Run
from groupnl.inference.engines.graph_file import INPUT, OUTPUT
from groupnl.inference.engines.onnx_session import Provider, import_onnxruntime, open_session
from groupnl.inference.planes import planes

logger = logging.getLogger(__name__)

TENSORRT_BATCH = 32  # images; TensorRT compiles for one to so many, and again, for minutes, for more
_ANY_BATCH = 2**30
_GRAPH = "gpu_graph_id"  # of a run: the graph that it is recorded as, or this for none
_NO_GRAPH = -1
# A recording must find all the memory that it needs, and what ONNX Runtime does on the first runs is done.
_RUNS_BEFORE, _RUNS_RECORDED = 2, 3
_WANT_OF_MEMORY = ("out of memory", "failed to allocate memory", "alloc_failed", "available memory of")


class Attempt(NamedTuple):
    """One way to open a file.

    Attributes:
        what: in words, for the log.
        providers: that compute.
        graphs: runs may be recorded.
        max_batch: images that may be run at once.
    """

    what: str
    providers: list[Provider]
    graphs: bool
    max_batch: int


class OnnxOnCuda:
    """Runs batches in a session on CUDA.

    Args:
        path: a file that `export_onnx` wrote.
        side: of the input that it was written for, pixels.
        device: of CUDA.
        tensorrt_cache: a folder for TensorRT's compiled networks; None runs without TensorRT.
        urgent: run on a stream that goes before those of other engines.
        graphs: record fixed batch sizes.

    Raises:
        ConfigError: ONNX Runtime is not installed.
        EngineStartError: it cannot use CUDA here.
        RewriteError: the file is damaged, or not one that `export_onnx` wrote for this size.
    """

    def __init__(
        self, path: Path, side: int, device: torch.device, *, tensorrt_cache: Path | None, urgent: bool, graphs: bool
    ) -> None:
        stream = _stream(device, urgent=urgent)
        handle = None if stream is None else stream.cuda_stream
        ways = attempts(device, side, handle, tensorrt_cache, graphs=graphs)
        session, opened = first_that_opens(path, side, ways)
        self._max_batch = opened.max_batch
        self._runs = BoundRuns(session, side, device, stream, graphs=opened.graphs)
        self._turn = threading.RLock()

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits; see `Engine`.

        Raises:
            torch.OutOfMemoryError: not even one image fits.
        """
        with self._turn:
            return torch.cat([run_or_split(self._runs, part) for part in torch.split(pixels, self._max_batch)])

    def add_up_to(self, max_batch: int) -> None:
        """Bind, and record, what runs batches up to `max_batch`; see `FixedSizes`."""
        with self._turn:
            self._runs.add_up_to(min(max_batch, self._max_batch))


class BoundRuns:
    """Runs batches of fixed sizes from and to memory that stays where it is, others from and to the CPU's.

    Args:
        session: ONNX Runtime's.
        side: of the input, pixels.
        device: that it computes on.
        stream: that it computes on, on CUDA.
        graphs: it can record runs, and those of fixed sizes are recorded.
    """

    def __init__(
        self, session: Any, side: int, device: torch.device, stream: torch.cuda.Stream | None, *, graphs: bool
    ) -> None:
        self._session = session
        self._side = side
        self._device = device
        self._stream = stream
        self._graphs = graphs
        self._thread: int | None = None
        what = "a CUDA graph of ONNX Runtime's" if graphs else "memory of its own on the device"
        self._fixed = FixedSizes(what, side)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Logits of a batch.

        Raises:
            torch.OutOfMemoryError: the device's memory does not hold it.
        """
        # ONNX Runtime knows a recording on the thread that made it only, and would make another here.
        is_elsewhere = self._graphs and threading.get_ident() != self._thread
        run = None if is_elsewhere else self._fixed.find(len(pixels))
        return (run or self._usual)(pixels)

    def add_up_to(self, max_batch: int) -> None:
        """Bind, and record, what runs batches up to `max_batch`; see `FixedSizes`."""
        self._fixed.add_up_to(max_batch, self._bound, self._usual)

    def _usual(self, pixels: Tensor) -> Tensor:
        with _telling_memory():
            (logits,) = self._session.run([OUTPUT], {INPUT: planes(pixels.cpu())}, self._options(_NO_GRAPH))
        return torch.from_numpy(logits)

    def _bound(self, size: int) -> Run:
        session, device, stream, options = self._session, self._device, self._stream, self._options(size)
        self._thread = threading.get_ident()
        with torch.cuda.stream(stream):  # of None: the usual stream
            images = torch.zeros(size, 3, self._side, self._side, dtype=torch.uint8, device=device)
            logits = torch.zeros(size, session.get_outputs()[0].shape[1], device=device)
        binding, place = session.io_binding(), (device.type, device.index or 0)
        binding.bind_input(INPUT, *place, np.uint8, tuple(images.shape), images.data_ptr())
        binding.bind_output(OUTPUT, *place, np.float32, tuple(logits.shape), logits.data_ptr())
        with _telling_memory():
            for run_options in [self._options(_NO_GRAPH)] * _RUNS_BEFORE + [options] * _RUNS_RECORDED:
                session.run_with_iobinding(binding, run_options)

        def run(pixels: Tensor) -> Tensor:
            with on_stream(stream, pixels), _telling_memory():
                # What lies behind stays from batches before: no row's answer depends on another.
                images[: len(pixels)].copy_(to_device(pixels, device))
                session.run_with_iobinding(binding, options)
                return logits[: len(pixels)].to("cpu", copy=True)

        return run

    def _options(self, graph: int) -> Any:
        if not self._graphs:
            return None
        options = import_onnxruntime().RunOptions()
        options.add_run_config_entry(_GRAPH, str(graph))
        return options


def attempts(
    device: torch.device, side: int, stream: int | None, tensorrt_cache: Path | None, *, graphs: bool
) -> list[Attempt]:
    """The ways to open a file on CUDA, the best first.

    Args:
        device: of CUDA.
        side: of the input, pixels.
        stream: CUDA's handle of the stream that is to compute.
        tensorrt_cache: see `OnnxOnCuda`.
        graphs: record fixed batch sizes.
    """
    usual = _cuda(device, stream)
    found = [Attempt("without CUDA graphs", [usual], False, _ANY_BATCH)]
    if graphs:
        found.insert(0, Attempt("with CUDA graphs", [_cuda(device, stream, graphs=True)], True, _ANY_BATCH))
    if tensorrt_cache is not None:
        # TensorRT's provider records one batch size only, so nothing is recorded there.
        providers = [_tensorrt(device, side, stream, tensorrt_cache), usual]
        found.insert(0, Attempt("with TensorRT", providers, False, TENSORRT_BATCH))
    return found


def first_that_opens(path: Path, side: int, ways: list[Attempt]) -> tuple[Any, Attempt]:
    """The session of the first way that can be opened; those before it are told in the log.

    Raises:
        ConfigError, EngineStartError, RewriteError: as `open_session`, of the last way.
    """
    for way in ways[:-1]:
        try:
            return open_session(path, way.providers, 1, side), way
        except (EngineStartError, RewriteError) as error:
            logger.warning("groupnl: ONNX Runtime does not run %s here: %s", way.what, error)
    session = open_session(path, ways[-1].providers, 1, side)
    if any(way.graphs for way in ways[:-1]):
        FAILURES.add()
    return session, ways[-1]


def _cuda(device: torch.device, stream: int | None, *, graphs: bool = False) -> Provider:
    options = {
        "device_id": device.index or 0,
        "use_tf32": 0,  # it has 10 bits of mantissa
        "cudnn_conv_algo_search": "HEURISTIC",  # trying all takes seconds for each new batch size
        "enable_cuda_graph": int(graphs),
    }
    return "CUDAExecutionProvider", options | _on_stream(stream)


def _tensorrt(device: torch.device, side: int, stream: int | None, cache: Path) -> Provider:
    options = {
        "device_id": device.index or 0,
        "trt_fp16_enable": True,
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(cache),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(cache),
        "trt_profile_min_shapes": f"{INPUT}:1x3x{side}x{side}",
        "trt_profile_opt_shapes": f"{INPUT}:{TENSORRT_BATCH}x3x{side}x{side}",
        "trt_profile_max_shapes": f"{INPUT}:{TENSORRT_BATCH}x3x{side}x{side}",
    }
    return "TensorrtExecutionProvider", options | _on_stream(stream)


def _on_stream(stream: int | None) -> dict[str, str]:
    """What is written into bound memory on a stream is seen by a run on that stream, without waiting for it."""
    return {} if stream is None else {"user_compute_stream": str(stream)}


def _stream(device: torch.device, *, urgent: bool) -> torch.cuda.Stream | None:
    if not torch.cuda.is_available():
        return None  # and the session says what is wrong
    return urgent_stream(device) if urgent else torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


@contextmanager
def _telling_memory() -> Iterator[None]:
    """Raise torch's error where ONNX Runtime's own errors, of no class of theirs, speak of a lack of memory."""
    try:
        yield
    except Exception as error:
        if any(words in str(error).lower() for words in _WANT_OF_MEMORY):
            raise torch.OutOfMemoryError(str(error)) from error
        raise
