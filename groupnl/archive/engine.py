"""What an engine needs beside the weights: put into an archive when packing, used when loading."""

import logging
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import ValidationError
from torch import nn

from groupnl.archive.load import load_model
from groupnl.engine_names import EngineName
from groupnl.errors import ArchiveError, problems
from groupnl.inference import Engine, TorchEngine, to_inference
from groupnl.inference.package import PACKAGE_FILE, RECORD_FILE, PackageRecord, Target, compile_package
from groupnl.inference.package_engine import PackageEngine
from groupnl.manifest import Manifest
from groupnl.models.checkpoint import sha256_of

logger = logging.getLogger(__name__)


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
    if choice.name == "aot":
        return _add_package(model, manifest, choice, folder)
    return []


def load_engine(folder: Path, manifest: Manifest, choice: Choice) -> Loaded:
    """The chosen engine with an unpacked archive's network.

    A package that was compiled for another machine, or is missing, is not used: the network then runs in eager PyTorch,
    a warning says why, and the result says so.

    Raises:
        ArchiveError: the engine's files are damaged, or belong to other weights.
        CheckpointError: the weights do not fit the architecture.
    """
    if choice.name == "aot":
        record = _read_record(folder, manifest)
        here = Target.here(choice.device, choice.precision)
        misfit = "the archive has none" if record is None else record.target.misfit(here)
        if record is not None and misfit is None:
            return Loaded(_package_engine(folder, record, manifest, choice), "aot")
        logger.warning(
            "groupnl: the compiled package of %s is not used, and the network runs in eager PyTorch, several times as "
            "slow: %s; make the archive again on this machine",
            manifest.model_name,
            misfit,
        )
    return Loaded(_torch_engine(folder, manifest, choice), "compile" if choice.name == "compile" else "eager")


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


def _add_package(model: nn.Module, manifest: Manifest, choice: Choice, folder: Path) -> list[Path]:
    kernel = compile_package(model, manifest.card.input, choice.device, choice.precision, folder)
    files = [folder / PACKAGE_FILE, *([] if kernel is None else [kernel])]
    record = PackageRecord(
        target=Target.here(choice.device, choice.precision),
        kernel=None if kernel is None else kernel.name,
        sha256={file.name: sha256_of(file) for file in files},
        weights_sha256=manifest.weights_sha256,
    )
    (folder / RECORD_FILE).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return [*files, folder / RECORD_FILE]


def _package_engine(folder: Path, record: PackageRecord, manifest: Manifest, choice: Choice) -> PackageEngine:
    for name, expected in record.sha256.items():
        _check_file(folder / name, expected)
    kernel = None if record.kernel is None else folder / record.kernel
    return PackageEngine(folder / PACKAGE_FILE, kernel, manifest.card.input, choice.device, urgent=choice.urgent)


def _read_record(folder: Path, manifest: Manifest) -> PackageRecord | None:
    file = folder / RECORD_FILE
    if not file.exists():
        return None
    try:
        record = PackageRecord.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise ArchiveError(f"{file} cannot be used: {problems(error)}; make the archive again") from None
    if record.weights_sha256 != manifest.weights_sha256:
        raise ArchiveError(
            f"{file} is of weights with SHA-256 {record.weights_sha256}, but the archive's have "
            f"{manifest.weights_sha256}; make the archive again"
        )
    return record


def _check_file(file: Path, expected: str) -> None:
    """Refuse machine code that is not what was packed."""
    found = sha256_of(file) if file.is_file() else "no file"
    if found != expected:
        raise ArchiveError(f"{file} has SHA-256 {found}, but {expected} was packed; make the archive again")
