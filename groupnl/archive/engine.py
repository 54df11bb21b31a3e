"""The engines that an archive's network runs on: chosen, used, or told why not."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch

from groupnl.archive.engine_record import EngineRecord, PackedEngine, packed_engines
from groupnl.archive.handler_config import HandlerConfig
from groupnl.archive.load import load_model
from groupnl.archive.manifest import Manifest
from groupnl.archive.speed.speeds import Speeds, read_speeds
from groupnl.errors import ConfigError, EngineStartError
from groupnl.inference.device import PRECISIONS, choose_device, choose_precision, cpu_has_int8_sums, precision_name
from groupnl.inference.engine_names import AUTO, WITH_INT8, EngineChoice, EngineName
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.kind import EngineKind, Spec
from groupnl.inference.engines.table import ENGINES, engine_kind
from groupnl.inference.engines.target import Target

logger = logging.getLogger(__name__)

# What runs a network where no engine of the archive can be used: it needs nothing but the weights.
_LAST_RESORT: EngineName = "eager"


class Choice(NamedTuple):
    """How a network is to be run.

    Attributes:
        name: of the engine, or `AUTO`: the fastest of the archive's.
        device: that it runs on.
        precision: of its products.
        urgent: on CUDA, goes before other engines.
        is_flexible: an engine that does not have this precision may take float32; so may one that stands in for one
            with int8.
    """

    name: EngineChoice
    device: torch.device
    precision: torch.dtype
    urgent: bool = False
    is_flexible: bool = False

    def for_engine(self, name: EngineName) -> "Choice":
        """The same with this engine, in the precision that it has."""
        gives_way = self.is_flexible or self.precision == torch.int8  # of which an archive has but one engine
        precision = engine_kind(name).nearest(self.precision, self.device) if gives_way else self.precision
        return self._replace(name=name, precision=precision)


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
    device = choose_device(config.device, gpu)
    is_flexible = config.precision == "auto"
    choice = Choice(config.engine, device, choose_precision(config.precision, device), is_flexible=is_flexible)
    if choice.name == AUTO and choice.precision != torch.int8:
        return choice
    name = WITH_INT8 if choice.name == AUTO else choice.name
    choice = choice.for_engine(name) if is_flexible else choice._replace(name=name)
    if reason := engine_kind(name).refusal(device, choice.precision):
        raise ConfigError(reason)
    return choice


def candidates(folder: Path, manifest: Manifest, choice: Choice) -> dict[EngineName, str | None]:
    """The engines of an unpacked archive and the last resort: each with the reason why it cannot be used here, or None.

    They stand in the order in which they are taken: as their speeds say, else as in the table of engines.

    Raises:
        ArchiveError: the archive's record of an engine, or of speeds, cannot be used.
    """
    return _candidates(packed_engines(folder, manifest), read_speeds(folder), choice)


def _candidates(
    packed: Mapping[EngineName, PackedEngine], speeds: Speeds | None, choice: Choice
) -> dict[EngineName, str | None]:
    known = [*packed, _LAST_RESORT]
    ranking = [] if speeds is None else [name for name in speeds.ranking() if name in known]
    rest = [kind.name for kind in ENGINES if kind.name in packed and kind.name not in ranking]
    rest.sort(key=lambda name: packed[name].record.quantised is None)  # who packs in int8 wants it
    order = dict.fromkeys([*ranking, *rest, _LAST_RESORT])
    return {name: _why_not(name, packed.get(name), choice) for name in order}


def load_engine(folder: Path, manifest: Manifest, choice: Choice) -> Loaded:
    """The chosen engine with an unpacked archive's network.

    Where it cannot be used here, because its files are for another machine or are missing, the next one of the archive
    runs the network, in the end eager PyTorch; a warning says why, and the result says so. The same where one that
    nobody has named does not start.

    Raises:
        ArchiveError: the engine's files are damaged, or belong to other weights.
        CheckpointError: the weights do not fit the architecture.
        ConfigError: the engine's library is not installed, or does not start here though it was named.
    """
    packed = packed_engines(folder, manifest)
    usable = _candidates(packed, read_speeds(folder), choice)
    if choice.name != AUTO:
        wish = _misfit(engine_kind(choice.name), packed.get(choice.name), choice)
        usable = {choice.name: wish} | {name: reason for name, reason in usable.items() if name != choice.name}
    wanted = next(iter(usable))
    reason = f"{usable[wanted]}; make the archive again for this machine and precision"
    for name in (name for name, misfit in usable.items() if misfit is None):
        if name != wanted:
            _warn(manifest, wanted, name, reason)
        try:
            return _load(name, packed.get(name), folder, manifest, choice)
        except EngineStartError as error:
            if name == choice.name:
                raise
            wanted, reason = name, str(error)
    raise ConfigError(f"no engine can run {manifest.model_name} here: {wanted!r} cannot, {reason}")


def _load(name: EngineName, packed: PackedEngine | None, folder: Path, manifest: Manifest, choice: Choice) -> Loaded:
    kind, chosen = engine_kind(name), choice if name == choice.name else choice.for_engine(name)
    if packed is None:
        return _open(kind, folder, folder, manifest, chosen)
    files, record = packed
    record.check_files(files)
    if record.precision is not None:
        chosen = chosen._replace(precision=PRECISIONS[record.precision])
    return _open(kind, files, folder, manifest, chosen)


def as_packed(folder: Path, manifest: Manifest, choice: Choice) -> Choice:
    """The choice with the engines that an unpacked archive was made for: a twin's may be others than its model's.

    So may its precision, where nobody insists on one: the model's engine need not have the fastest.

    Raises:
        ArchiveError: the archive's record of an engine cannot be used.
    """
    packed = packed_engines(folder, manifest)
    if choice.name != AUTO and not engine_kind(choice.name).has_files and not packed:
        return choice
    precision = choose_precision("auto", choice.device) if choice.is_flexible else choice.precision
    _tell_of_int8(manifest, any(each.record.quantised for each in packed.values()), choice)
    return choice._replace(name=AUTO, precision=precision)


def _tell_of_int8(twin: Manifest, has_int8: bool, choice: Choice) -> None:
    """Warn where a model and its twin are not compared in the same: one in int8, the other in float."""
    if has_int8 != (choice.precision == torch.int8):
        logger.warning(
            "groupnl: the twin %s is packed in %s and its model is not: that is no fair comparison, pack both alike",
            twin.model_name,
            "int8" if has_int8 else "float32",
        )


def _why_not(name: EngineName, packed: PackedEngine | None, choice: Choice) -> str | None:
    """Why nobody's wish, but one that would do, cannot be used here; None if it can."""
    kind = engine_kind(name)
    return _misfit(kind, packed, choice.for_engine(name)) or kind.missing_to_open()


def _misfit(kind: EngineKind, packed: PackedEngine | None, choice: Choice) -> str | None:
    """Why an archive's files cannot be used here; None if they can."""
    if reason := kind.refusal(choice.device, choice.precision):
        return reason
    if not kind.has_files:
        return None
    if packed is None:
        return "the archive has no files for it"
    if reason := _int8_misfit(packed.record, choice):
        return reason
    target = packed.record.target
    return None if target is None else target.misfit(Target.here(choice.device, choice.precision))


def _int8_misfit(record: EngineRecord, choice: Choice) -> str | None:
    """Why files are not to be used: they are in int8 or are not, or their sums would overflow; None if they are."""
    if record.quantised is None:
        wants_int8 = choice.precision == torch.int8
        return "the archive has none of it in int8" if wants_int8 else None
    if choice.precision != torch.int8 and not choice.is_flexible:
        return f"the archive has it in int8 only, and {precision_name(choice.precision)} is wanted"
    if record.quantised.weight_bits == 8 and not cpu_has_int8_sums():
        return "its int8 weights are for a CPU with VNNI instructions, whose sums do not overflow"
    return None


def _warn(manifest: Manifest, wanted: EngineName, used: EngineName, reason: str) -> None:
    logger.warning(
        "groupnl: %s runs in %s instead of its engine %r, which cannot be used: %s",
        manifest.model_name,
        "eager PyTorch, several times as slow," if used == _LAST_RESORT else f"{used!r}",
        wanted,
        reason,
    )


def _open(kind: EngineKind, files: Path, weights: Path, manifest: Manifest, choice: Choice) -> Loaded:
    spec = engine_spec(kind, manifest, choice, cache=files)
    return Loaded(kind.open(files, lambda: load_model(weights, manifest), spec), kind.name, choice.precision)


def engine_spec(kind: EngineKind, manifest: Manifest, choice: Choice, cache: Path | None = None) -> Spec:
    """How an engine runs an archive's network.

    Args:
        kind: the engine.
        manifest: of the archive.
        choice: device and precision.
        cache: folder in which a runtime may keep what it compiles.
    """
    return Spec(
        input=manifest.card.input,
        device=choice.device,
        precision=choice.precision,
        threads=torch.get_num_threads(),
        published=kind.serves_published,
        urgent=choice.urgent,
        cache=cache,
    )
