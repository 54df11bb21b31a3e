"""The engine `onnx`: ONNX Runtime with a file of `export_onnx`."""

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.graph_file import GRAPH_FILE, INPUT, OUTPUT, PACKAGES, graph_file, make_graph_file
from groupnl.inference.engines.kind import EngineKind, Spec
from groupnl.inference.engines.onnx_cuda import OnnxOnCuda
from groupnl.inference.engines.onnx_session import open_session
from groupnl.inference.planes import planes
from groupnl.inference.warm_up import run_noise


class Onnx(EngineKind):
    """ONNX Runtime: an ONNX file on CUDA, by TensorRT where it is installed, or on a CPU."""

    name = "onnx"
    runtime = "onnx"
    has_files = True
    precision_is_in_files = True
    packages = PACKAGES

    def refusal(self, device: torch.device, precision: torch.dtype, published: bool = False) -> str | None:
        """Its convolutions know no bfloat16; see `EngineKind.refusal`."""
        if precision == torch.bfloat16:
            return (
                "the engine 'onnx' has no precision 'bfloat16', because ONNX Runtime has no bfloat16 convolutions: "
                "use 'float32', or 'float16' on CUDA"
            )
        return super().refusal(device, precision, published)

    def make(self, network: nn.Module, spec: Spec, folder: Path) -> None:
        """Export the network, some seconds; see `EngineKind.make`."""
        make_graph_file(network, spec, folder, "convolutions" if spec.device.type == "cpu" else "operator")

    def files(self, folder: Path) -> list[Path]:
        """The ONNX file."""
        return graph_file(folder)

    def open(self, folder: Path, network: Callable[[], nn.Module], spec: Spec) -> Engine:
        """A session with the file; see `EngineKind.open`."""
        # Not in float32: TensorRT would round to TF32, 10 bits, and ONNX Runtime has no option for it.
        has_tensorrt = spec.precision == torch.float16 and importlib.util.find_spec("tensorrt") is not None
        return OnnxEngine(
            folder / GRAPH_FILE,
            spec.input.size,
            spec.device,
            spec.threads,
            tensorrt_cache=spec.cache if has_tensorrt else None,
            urgent=spec.urgent,
            graphs=spec.graphs,
        )


class OnnxEngine:
    """A network in ONNX Runtime, for any batch size; its precision is the file's, see `export_onnx`.

    Args:
        path: a file that `export_onnx` wrote.
        size: side of the input that it was written for, pixels.
        device: of CUDA, or the CPU.
        threads: for one batch on a CPU; they sleep between batches. Where torch has another number of them when the
            engine is warmed up, a session for that number is opened beside, and runs while torch has it.
        tensorrt_cache: on CUDA, a folder for TensorRT's compiled networks; None runs without TensorRT. It compiles for
            minutes on the first run of a new file, and takes the result from there later.
        urgent: on CUDA, run on a stream that goes before those of other engines.
        graphs: on CUDA, record fixed batch sizes when warming up.

    Raises:
        ConfigError: ONNX Runtime is not installed.
        EngineStartError: it cannot use the device.
        RewriteError: the file is damaged, or not one that `export_onnx` wrote for this size.
    """

    def __init__(
        self,
        path: Path,
        size: int,
        device: torch.device,
        threads: int,
        *,
        tensorrt_cache: Path | None = None,
        urgent: bool = False,
        graphs: bool = True,
    ) -> None:
        self._size, self._device = size, device
        self._on_cuda = None
        if device.type == "cuda":
            self._on_cuda = OnnxOnCuda(path, size, device, tensorrt_cache=tensorrt_cache, urgent=urgent, graphs=graphs)
            return
        self._open = partial(open_session, path, [], side=size)
        self._sessions = {threads: self._open(threads)}

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits; see `Engine`.

        Raises:
            torch.OutOfMemoryError: on CUDA, where not even one image fits.
        """
        if self._on_cuda is not None:
            return self._on_cuda(pixels)
        (logits,) = self._session().run([OUTPUT], {INPUT: planes(pixels)})
        return torch.from_numpy(logits)

    def warm_up(self, max_batch: int) -> None:
        """Run once with one image and once with `max_batch`, of noise; see `Engine`."""
        threads = torch.get_num_threads()
        if self._on_cuda is None and threads not in self._sessions:
            self._sessions[threads] = self._open(threads)
        run_noise(self, self._size, (1, max_batch), f"of the ONNX file on {self._device}")
        if self._on_cuda is not None:
            self._on_cuda.add_up_to(max_batch)

    def _session(self) -> Any:
        """That with torch's number of threads, or as many of them as there is one for."""
        threads = torch.get_num_threads()
        fitting = [number for number in self._sessions if number <= threads]
        return self._sessions[max(fitting) if fitting else min(self._sessions)]
