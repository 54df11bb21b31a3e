"""A session of ONNX Runtime with a file of `export_onnx`, on the providers that are asked for and no others."""

from pathlib import Path
from typing import Any

from groupnl.errors import ConfigError, EngineStartError, RewriteError
from groupnl.inference.engines.graph_file import INPUT

Provider = tuple[str, dict[str, Any]]
"""Name and options of what computes in ONNX Runtime."""


def open_session(path: Path, providers: list[Provider], threads: int, side: int) -> Any:
    """Load a file for these providers; what they cannot run the CPU does.

    Args:
        path: a file that `export_onnx` wrote.
        providers: of a GPU, the best first.
        threads: for one batch on a CPU; they sleep between batches.
        side: of the input that it was written for, pixels.

    Raises:
        ConfigError: ONNX Runtime is not installed.
        EngineStartError: a provider does not start.
        RewriteError: the file is damaged, or not one that `export_onnx` wrote for this size, or a provider refuses it.
    """
    onnxruntime = import_onnxruntime()
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
        raise EngineStartError(
            f"ONNX Runtime cannot use {' and '.join(missing)} here, its log says why: install what it needs, "
            "or choose another engine or device 'cpu'"
        )
    _check_input(session, path, side)
    return session


def import_onnxruntime() -> Any:
    """The package.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConfigError("the engine 'onnx' needs a package: pip install onnxruntime-gpu, or onnxruntime") from error
    return onnxruntime


def _check_input(session: Any, path: Path, side: int) -> None:
    inputs = [(value.name, value.type, value.shape[1:]) for value in session.get_inputs()]
    wanted = [(INPUT, "tensor(uint8)", [3, side, side])]
    if inputs != wanted:
        raise RewriteError(f"{path.name} takes {inputs}, this engine gives {wanted}: export the network again")
