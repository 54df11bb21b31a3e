"""What an engine needs beside the weights: put into an archive when packing, used when loading."""

import importlib.util
import logging
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from groupnl.archive.engine_record import EngineRecord, read_engine_record, write_engine_record
from groupnl.archive.handler_config import HandlerConfig
from groupnl.archive.load import load_model
from groupnl.archive.manifest import Manifest
from groupnl.base.files import sha256_of
from groupnl.card import InputConfig
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device, choose_precision
from groupnl.inference.engine_names import ENGINES_WITH_FILES, EngineName
from groupnl.inference.engines.aot import PackageEngine
from groupnl.inference.engines.onnx import OnnxEngine
from groupnl.inference.engines.onnx_export import export_onnx, fastest_sine
from groupnl.inference.engines.openvino import OpenVinoEngine
from groupnl.inference.engines.package import PACKAGE_FILE, Target, compile_package
from groupnl.inference.engines.torch_engine import Engine, TorchEngine
from groupnl.inference.rewrite import to_inference

logger = logging.getLogger(__name__)

ONNX_FILE = "model.onnx"


class Choice(NamedTuple):
    """How a network is to be run.

    Attributes:
        name: of the engine.
        device: that it runs on.
        precision: of its products.
        urgent: on CUDA, goes before other engines.
    """

    name: EngineName
    device: torch.device
    precision: torch.dtype
    urgent: bool = False


class Loaded(NamedTuple):
    """A network that can be run.

    Attributes:
        engine: runs it; not warmed up yet.
        name: of the engine that is used: another one than was chosen where that cannot be used here.
    """

    engine: Engine
    name: EngineName


def choose(config: HandlerConfig, gpu: int | None = None) -> Choice:
    """How the configuration wants a network to be run on this machine.

    Args:
        config: of the handler.
        gpu: index of the CUDA device, where there are several.

    Raises:
        ConfigError: a device that is not there, or a precision that the engine does not have.
    """
    device = choose_device(config.device, gpu)
    precision = choose_precision(config.precision, device)
    if config.engine == "onnx" and precision == torch.bfloat16:
        if config.precision == "bfloat16":
            raise ConfigError("the engine 'onnx' has no precision 'bfloat16': use 'float32', or 'float16' on CUDA")
        precision = torch.float32
    if config.engine == "openvino" and device.type != "cpu":
        raise ConfigError("the engine 'openvino' runs on the CPU: use device 'cpu', or another engine")
    return Choice(config.engine, device, precision)


def add_engine_files(model: nn.Module, manifest: Manifest, choice: Choice, folder: Path) -> list[Path]:
    """Make what an engine needs.

    Args:
        model: the network, in evaluation mode.
        manifest: of the archive.
        choice: engine, device and precision that the archive is for.
        folder: where the files are written.

    Returns:
        The files, for the archive.

    Raises:
        RewriteError: the network cannot be compiled or exported.
    """
    if choice.name not in ENGINES_WITH_FILES:
        return []
    config, target = manifest.card.input, None
    if choice.name == "aot":
        kernel = compile_package(model, config, choice.device, choice.precision, folder)
        files = [folder / PACKAGE_FILE, *([] if kernel is None else [kernel])]
        target = Target.here(choice.device, choice.precision)
    else:
        files = [_export(model, config, choice, folder / ONNX_FILE)]
    record = EngineRecord(
        engine=choice.name,
        target=target,
        sha256={file.name: sha256_of(file) for file in files},
        weights_sha256=manifest.weights_sha256,
    )
    return [*files, write_engine_record(record, folder)]


def load_engine(folder: Path, manifest: Manifest, choice: Choice) -> Loaded:
    """The chosen engine with an unpacked archive's network.

    Files that are for another machine or engine are not used: the network then runs in eager PyTorch, a warning says
    why, and the result says so.

    Raises:
        ArchiveError: the engine's files are damaged, or belong to other weights.
        CheckpointError: the weights do not fit the architecture.
        ConfigError: the engine's library is not installed.
    """
    if choice.name not in ENGINES_WITH_FILES:
        return Loaded(_torch_engine(folder, manifest, choice), choice.name)
    record = read_engine_record(folder, manifest)
    misfit = _misfit(record, choice)
    if record is not None and misfit is None:
        return Loaded(_engine_of_files(record.files(folder), manifest.card.input, choice), choice.name)
    logger.warning(
        "groupnl: %s runs in eager PyTorch, several times as slow as its engine %r, whose files cannot be used: %s; "
        "make the archive again on this machine",
        manifest.model_name,
        choice.name,
        misfit,
    )
    return Loaded(_torch_engine(folder, manifest, choice._replace(name="eager")), "eager")


def as_packed(folder: Path, manifest: Manifest, choice: Choice) -> Choice:
    """The choice with the engine that an unpacked archive was made for: a twin's may be another than its model's.

    Raises:
        ArchiveError: the archive's record of its engine cannot be used.
    """
    record = read_engine_record(folder, manifest)
    if record is not None:
        return choice._replace(name=record.engine)
    return choice._replace(name="eager") if choice.name in ENGINES_WITH_FILES else choice


def _misfit(record: EngineRecord | None, choice: Choice) -> str | None:
    """Why an archive's files cannot be used here; None if they can."""
    if record is None:
        return "the archive has none"
    if record.engine != choice.name:
        return f"they are for the engine {record.engine!r}"
    return None if record.target is None else record.target.misfit(Target.here(choice.device, choice.precision))


def _export(model: nn.Module, config: InputConfig, choice: Choice, file: Path) -> Path:
    dtype = torch.float16 if choice.precision == torch.float16 else torch.float32
    export_onnx(to_inference(model), config, file, sine=fastest_sine(choice.name, choice.device), dtype=dtype)
    return file


def _engine_of_files(files: list[Path], config: InputConfig, choice: Choice) -> Engine:
    first, *others = files
    if choice.name == "aot":
        kernel = others[0] if others else None
        return PackageEngine(first, kernel, config, choice.device, urgent=choice.urgent)
    threads = torch.get_num_threads()
    if choice.name == "openvino":
        return OpenVinoEngine(first, config.size, choice.precision, threads)
    has_tensorrt = choice.device.type == "cuda" and importlib.util.find_spec("tensorrt") is not None
    cache = first.parent if has_tensorrt else None
    return OnnxEngine(first, config.size, choice.device, threads, tensorrt_cache=cache)


def _torch_engine(folder: Path, manifest: Manifest, choice: Choice) -> TorchEngine:
    compiled = choice.name == "compile"
    model = load_model(folder, manifest)
    return TorchEngine(
        to_inference(model) if compiled else model,
        manifest.card.input,
        choice.device,
        choice.precision,
        urgent=choice.urgent,
        compiled=compiled,
    )
