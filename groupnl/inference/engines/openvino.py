"""The engine `openvino`: OpenVINO on a CPU with a file of `export_onnx`."""

import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from groupnl.errors import ConfigError, RewriteError, not_installed
from groupnl.inference.device import cpu_has_int8_sums
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.graph_file import GRAPH_FILE, INPUT, PACKAGES, graph_file, make_graph_file
from groupnl.inference.engines.kind import EngineKind, Spec, cannot_run
from groupnl.inference.engines.quantised import Quantised, WeightBits
from groupnl.inference.planes import planes
from groupnl.inference.warm_up import run_noise

# Of what is float. An int8 file says itself which of its layers are int8.
_PRECISIONS = {torch.float32: "f32", torch.bfloat16: "bf16", torch.int8: "f32"}
# One compilation for each: OpenVINO fuses what lies between convolutions only where the batch size is fixed.
# Larger batches are not quicker, an image for an image.
_BATCHES = (8, 4, 2, 1)


class OpenVino(EngineKind):
    """OpenVINO: an ONNX file on a CPU; the precision is chosen when it is opened, but for an int8 file."""

    name = "openvino"
    runtime = "openvino"
    has_files = True
    packages = PACKAGES
    packages_to_open: ClassVar[Mapping[str, str]] = {"openvino": "openvino"}

    def refusal(self, device: torch.device, precision: torch.dtype, published: bool = False) -> str | None:
        """It knows no CUDA; see `EngineKind.refusal`."""
        if device.type != "cpu":
            return "the engine 'openvino' runs on the CPU: use device 'cpu' (--device cpu), or another engine"
        return None if precision == torch.int8 else super().refusal(device, precision, published)

    def make(self, network: nn.Module, spec: Spec, folder: Path) -> Quantised | None:
        """Export the network, some seconds; for int8 find its layers, up to minutes; see `EngineKind.make`."""
        make_graph_file(network, spec, folder, "polynomial")
        if spec.precision != torch.int8:
            return None
        if spec.calibration is None:
            raise ConfigError("precision 'int8' needs images to calibrate with: --calibrate DIR, or --probe DIR")
        from groupnl.inference.engines.quantise import quantise  # needs what only packing needs

        bits: WeightBits = 8 if cpu_has_int8_sums() else 7
        return quantise(folder / GRAPH_FILE, spec.calibration, weight_bits=bits, threads=spec.threads)

    def files(self, folder: Path) -> list[Path]:
        """The ONNX file."""
        return graph_file(folder)

    def open(self, folder: Path, network: Callable[[], nn.Module], spec: Spec) -> Engine:
        """The network of the file, compiled for each batch size when it is first met; see `EngineKind.open`."""
        return OpenVinoEngine(folder / GRAPH_FILE, spec.input.size, spec.precision, spec.threads)


class OpenVinoEngine:
    """A network in OpenVINO; any batch is run as batches of 8, 4, 2 and 1.

    Each is compiled for a number of threads. Where torch has fewer than `threads` when the engine is warmed up, the
    largest batch is compiled for so few, since such are the batches of several workers that compute side by side, and
    the smaller ones, as of a client that is alone, for all: together the large one with all, too.

    Args:
        path: a file that `export_onnx` wrote with sine="polynomial" (another is computed as exactly, but slowly).
        size: side of the input that it was written for, pixels.
        precision: float32, bfloat16 for a CPU that has it, or int8 for a file that holds int8 layers.
        threads: most for one batch.

    Raises:
        ConfigError: OpenVINO is not installed, or the precision is none of the three.
        RewriteError: the file is damaged, or not one that `export_onnx` wrote for this size.
    """

    def __init__(self, path: Path, size: int, precision: torch.dtype, threads: int) -> None:
        if precision not in _PRECISIONS:
            raise ConfigError(f"precision {precision} is not one of OpenVINO's on a CPU: use bfloat16, float32 or int8")
        self._size, self._precision = size, precision
        self._core = _import_openvino().Core()
        self._threads = threads
        self._options = {
            "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
            "PERFORMANCE_HINT": "LATENCY",  # all threads on one batch
            "ENABLE_CPU_PINNING": False,  # several workers would pin their threads to the same cores
        }
        self._network = _read(self._core, path, size)
        self._requests: dict[_Compiled, Any] = {}
        # A request has one set of buffers.
        self._lock = threading.Lock()

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits; see `Engine`."""
        images = planes(pixels)
        logits, start = [], 0
        with self._lock:
            while start < len(images):
                part = self._part(len(images) - start)
                inputs = [images[start : start + part.batch]]
                (result,) = self._request(part).infer(inputs, share_inputs=True).values()
                logits.append(torch.from_numpy(result))
                start += part.batch
        return torch.cat(logits)

    def warm_up(self, max_batch: int) -> None:
        """Compile for every batch size up to `max_batch`, and run each on noise; see `Engine`."""
        sizes, threads = [size for size in _BATCHES if size <= max_batch], self._wanted()
        largest, smaller = sizes[:1], sizes[1:]
        if threads < self._threads:
            now, batches = largest, {*largest}
        else:
            is_there = smaller and any(part.batch in largest for part in self._requests)
            now, batches = smaller if is_there else sizes, {*sizes, max_batch}
        for size in now:
            self._request(_Compiled(size, threads))
        run_noise(self, self._size, batches, f"{self._precision} in OpenVINO")

    def _wanted(self) -> int:
        """How many threads torch has, of those that there are for one batch."""
        return min(torch.get_num_threads(), self._threads)

    def _part(self, images: int) -> "_Compiled":
        """What runs next where so many images are left."""
        sizes = [size for size in _BATCHES if size <= images]
        ways = [_Compiled(size, threads) for size in sizes for threads in (self._wanted(), self._threads)]
        return next((way for way in ways if way in self._requests), ways[1])

    def _request(self, part: "_Compiled") -> Any:
        """The compiled network, compiled now if it is the first time."""
        if part not in self._requests:
            network = self._network.clone()
            network.reshape([part.batch, 3, self._size, self._size])
            options = self._options | {"INFERENCE_NUM_THREADS": part.threads}
            try:
                compiled = self._core.compile_model(network, "CPU", options)
            except RuntimeError as error:
                raise cannot_run("OpenVINO cannot compile the network", error) from error
            self._requests[part] = compiled.create_infer_request()
        return self._requests[part]


class _Compiled(NamedTuple):
    """What the network is compiled for.

    Attributes:
        batch: images.
        threads: that compute them.
    """

    batch: int
    threads: int


def _import_openvino() -> Any:
    """The library, which tells nobody: its import sends a message to its makers where it finds `openvino_telemetry`."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # so that it is not found
    try:
        import openvino  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConfigError(f"the engine 'openvino' needs a package: {not_installed('openvino', 'openvino')}") from error
    return openvino


def _read(core: Any, path: Path, size: int) -> Any:
    """Read a file, and see that it takes what this engine gives.

    Raises:
        RewriteError: it cannot be read, or takes something else.
    """
    try:
        network = core.read_model(path)
    except RuntimeError as error:
        raise RewriteError(f"OpenVINO cannot load {path.name}, export it again: {error}") from error
    inputs = [
        (value.any_name, value.element_type.get_type_name(), str(value.partial_shape)) for value in network.inputs
    ]
    wanted = [(INPUT, "u8", f"[?,3,{size},{size}]")]
    if inputs != wanted:
        raise RewriteError(f"{path.name} takes {inputs}, this engine gives {wanted}: export the network again")
    return network
