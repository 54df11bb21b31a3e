"""The engine `onnx`: ONNX Runtime with a file of `export_onnx`."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from groupnl.errors import ConfigError, RewriteError
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.graph_file import GRAPH_FILE, INPUT, OUTPUT, PACKAGES, graph_file, make_graph_file
from groupnl.inference.engines.kind import EngineKind, Spec
from groupnl.inference.warm_up import run_noise

_Provider = tuple[str, dict[str, Any]]


class Onnx(EngineKind):
    """ONNX Runtime: an ONNX file on CUDA, by TensorRT where it is installed, or on a CPU."""

    name = "onnx"
    runtime = "onnx"
    has_files = True
    fixed_threads = True
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
        has_tensorrt = spec.device.type == "cuda" and importlib.util.find_spec("tensorrt") is not None
        return OnnxEngine(
            folder / GRAPH_FILE,
            spec.input.size,
            spec.device,
            spec.threads,
            tensorrt_cache=spec.cache if has_tensorrt else None,
        )


class OnnxEngine:
    """A network in ONNX Runtime, for any batch size; its precision is the file's, see `export_onnx`.

    Args:
        path: a file that `export_onnx` wrote.
        size: side of the input that it was written for, pixels.
        device: of CUDA, or the CPU.
        threads: for one batch on a CPU; they sleep between batches.
        tensorrt_cache: a folder for TensorRT's compiled networks; None runs without TensorRT. It compiles for
            minutes on the first run of a new file, and takes the result from there later.
        max_batch: the largest batch that TensorRT compiles for.

    Raises:
        ConfigError: ONNX Runtime, or what it needs for the device, is not installed.
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
        max_batch: int = 32,
    ) -> None:
        self._size, self._device = size, device
        providers = [] if tensorrt_cache is None else [_tensorrt(device, size, tensorrt_cache, max_batch)]
        providers += [_cuda(device)] if device.type == "cuda" else []
        self._session = _session(path, providers, threads)
        _check_input(self._session, path, size)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits; see `Engine`."""
        (logits,) = self._session.run([OUTPUT], {INPUT: pixels.cpu().contiguous().numpy()})
        return torch.from_numpy(logits)

    def warm_up(self, max_batch: int) -> None:
        """Run once with one image and once with `max_batch`, of noise; see `Engine`."""
        run_noise(self, self._size, (1, max_batch), f"of the ONNX file on {self._device}")


def _session(path: Path, providers: list[_Provider], threads: int) -> Any:
    """Load a file for these providers; what they cannot run the CPU does."""
    onnxruntime = _import_onnxruntime()
    if providers:
        onnxruntime.preload_dlls()  # CUDA's libraries from torch's packages, where the system has none
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # A worker that waits for its next batch must not keep the cores from those that work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every reason for which a file is refused has an exception of its own, and no common base but this one.
    try:
        session = onnxruntime.InferenceSession(path, options, providers=[*providers, ("CPUExecutionProvider", {})])
    except Exception as error:
        raise RewriteError(f"ONNX Runtime cannot load {path.name}, export it again: {error}") from error
    # ONNX Runtime only logs it when a provider does not start, and goes on without.
    missing = [name for name, _ in providers if name not in session.get_providers()]
    if missing:
        raise ConfigError(
            f"ONNX Runtime cannot use {' and '.join(missing)} here, its log says why: install what it needs, "
            "or choose another engine or device 'cpu'"
        )
    return session


def _import_onnxruntime() -> Any:
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConfigError("the engine 'onnx' needs a package: pip install onnxruntime-gpu, or onnxruntime") from error
    return onnxruntime


def _cuda(device: torch.device) -> _Provider:
    options = {
        "device_id": device.index or 0,
        "use_tf32": 0,  # it has 10 bits of mantissa
        "cudnn_conv_algo_search": "HEURISTIC",  # trying all takes seconds for each new batch size
    }
    return "CUDAExecutionProvider", options


def _tensorrt(device: torch.device, size: int, cache: Path, max_batch: int) -> _Provider:
    options = {
        "device_id": device.index or 0,
        "trt_fp16_enable": True,
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(cache),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(cache),
        "trt_profile_min_shapes": f"{INPUT}:1x3x{size}x{size}",
        "trt_profile_opt_shapes": f"{INPUT}:{max_batch}x3x{size}x{size}",
        "trt_profile_max_shapes": f"{INPUT}:{max_batch}x3x{size}x{size}",
    }
    return "TensorrtExecutionProvider", options


def _check_input(session: Any, path: Path, size: int) -> None:
    inputs = [(value.name, value.type, value.shape[1:]) for value in session.get_inputs()]
    wanted = [(INPUT, "tensor(uint8)", [3, size, size])]
    if inputs != wanted:
        raise RewriteError(f"{path.name} takes {inputs}, this engine gives {wanted}: export the network again")
