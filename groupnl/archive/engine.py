"""The engine that an archive's network runs on: chosen, recorded when packing, used or refused when loading."""

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
from groupnl.errors import ConfigError
from groupnl.inference.device import PRECISIONS, choose_device, choose_precision, precision_name
from groupnl.inference.engine_names import EngineName
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.kind import EngineKind, Spec
from groupnl.inference.engines.table import engine_kind
from groupnl.inference.engines.target import Target

logger = logging.getLogger(__name__)

# What runs a network whose engine cannot be used: it needs nothing but the weights.
_LAST_RESORT: EngineName = "eager"


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
        precision: of its products: another one than was chosen where the engine's files were made for that.
    """

    engine: Engine
    name: EngineName
    precision: torch.dtype


def choose(config: HandlerConfig, gpu: int | None = None) -> Choice:
    """How the configuration wants a network to be run on this machine.

    Args:
        config: of the handler.
        gpu: index of the CUDA device, where there are several.

    Raises:
        ConfigError: a device that is not there, or a device or precision that the engine does not have.
    """
    kind, device = engine_kind(config.engine), choose_device(config.device, gpu)
    precision = choose_precision(config.precision, device)
    if config.precision == "auto":
        precision = kind.nearest(precision, device)
    if reason := kind.refusal(device, precision):
        raise ConfigError(reason)
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
    kind = engine_kind(choice.name)
    if not kind.has_files:
        return []
    kind.make(model, _spec(kind, manifest, choice), folder)
    files = kind.files(folder)
    record = EngineRecord(
        engine=choice.name,
        target=Target.here(choice.device, choice.precision) if kind.has_machine_code else None,
        precision=precision_name(choice.precision) if kind.precision_is_in_files else None,
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
    kind = engine_kind(choice.name)
    if not kind.has_files:
        return _open(kind, folder, manifest, choice)
    record = read_engine_record(folder, manifest)
    misfit = _misfit(record, choice)
    if record is not None and misfit is None:
        record.check_files(folder)
        made_for = choice.precision if record.precision is None else PRECISIONS[record.precision]
        return _open(kind, folder, manifest, choice._replace(precision=made_for))
    logger.warning(
        "groupnl: %s runs in eager PyTorch, several times as slow as its engine %r, whose files cannot be used: %s; "
        "make the archive again on this machine",
        manifest.model_name,
        choice.name,
        misfit,
    )
    return _open(engine_kind(_LAST_RESORT), folder, manifest, choice)


def as_packed(folder: Path, manifest: Manifest, choice: Choice) -> Choice:
    """The choice with the engine that an unpacked archive was made for: a twin's may be another than its model's.

    Raises:
        ArchiveError: the archive's record of its engine cannot be used.
    """
    record = read_engine_record(folder, manifest)
    if record is not None:
        return choice._replace(name=record.engine)
    return choice._replace(name=_LAST_RESORT) if engine_kind(choice.name).has_files else choice


def _misfit(record: EngineRecord | None, choice: Choice) -> str | None:
    """Why an archive's files cannot be used here; None if they can."""
    if record is None:
        return "the archive has none"
    if record.engine != choice.name:
        return f"they are for the engine {record.engine!r}"
    return None if record.target is None else record.target.misfit(Target.here(choice.device, choice.precision))


def _open(kind: EngineKind, folder: Path, manifest: Manifest, choice: Choice) -> Loaded:
    engine = kind.open(folder, lambda: load_model(folder, manifest), _spec(kind, manifest, choice, cache=folder))
    return Loaded(engine, kind.name, choice.precision)


def _spec(kind: EngineKind, manifest: Manifest, choice: Choice, cache: Path | None = None) -> Spec:
    return Spec(
        input=manifest.card.input,
        device=choice.device,
        precision=choice.precision,
        threads=torch.get_num_threads(),
        published=kind.serves_published,
        urgent=choice.urgent,
        cache=cache,
    )
