"""The engines of an archive, made when packing: the one that is wanted, or all that there are, and these are timed."""

import shutil
from pathlib import Path

import torch
from torch import nn

from groupnl.archive.engine import Choice, engine_spec
from groupnl.archive.engine_record import ENGINES_FOLDER, EngineRecord, write_engine_record
from groupnl.archive.int8 import Int8Images, prove
from groupnl.archive.manifest import Manifest
from groupnl.archive.speed.measure import measure
from groupnl.archive.speed.speeds import write_speeds
from groupnl.archive.speed.table import speed_table
from groupnl.archive.trial import compare_engine
from groupnl.base.atomic_file import WriteError, writing
from groupnl.base.files import sha256_of
from groupnl.base.say import Say
from groupnl.errors import ConfigError
from groupnl.inference.device import precision_name
from groupnl.inference.engine_names import AUTO
from groupnl.inference.engines.kind import EngineKind
from groupnl.inference.engines.table import ENGINES, engine_kind
from groupnl.inference.engines.target import Target
from groupnl.inference.rewrite import own_copy

_BESIDE_INT8 = engine_kind("onnx")  # in float32, for machines that cannot use int8, and for who does not want it


def add_engines(
    model: nn.Module, manifest: Manifest, choice: Choice, work: Path, say: Say, images: Int8Images | None = None
) -> None:
    """Make what the chosen engine needs, below `work`/`ENGINES_FOLDER`; of `AUTO` all engines, and their `speeds.json`.

    Of `AUTO` an engine that cannot be made, or computes something else, is left out, and it is told why. An engine in
    int8 has one in float32 beside it.

    Args:
        model: the network, in evaluation mode; it is left as it is.
        manifest: of the archive.
        choice: engine, device and precision that the files are for.
        work: folder of the archive's files: weights, `model.json` and `model-config.yaml` are there.
        say: is told what is done.
        images: for a choice of int8.

    Raises:
        ArchiveError: in int8 the network answers otherwise than in float32.
        ConfigError: a package that the chosen engine needs is missing.
        RewriteError: the network cannot be compiled or exported for it.
        ServerError: a process that times the engines ended.
    """
    if choice.name != AUTO:
        _add(engine_kind(choice.name), model, manifest, choice, work, say, images)
        if choice.precision == torch.int8:
            _try_to_add(_BESIDE_INT8, model, manifest, choice.for_engine(_BESIDE_INT8.name), work, say)
        return
    for kind in ENGINES:
        if kind.has_files:
            _try_to_add(kind, model, manifest, choice.for_engine(kind.name), work, say)
    say("timing the engines")
    speeds = measure(work)
    write_speeds(speeds, work)
    say(speed_table(speeds))


def _try_to_add(kind: EngineKind, model: nn.Module, manifest: Manifest, choice: Choice, work: Path, say: Say) -> None:
    try:
        if reason := kind.refusal(choice.device, choice.precision) or kind.missing():
            raise ConfigError(reason)
        say(f"making the engine {kind.name} ({precision_name(choice.precision)})")
        with writing(work):
            _add(kind, model, manifest, choice, work, say)
        compare_engine(work, manifest, own_copy(model), choice)
    except WriteError:  # no engine's fault
        raise
    except Exception as error:  # exporters and runtimes have errors of many types
        say(f"without the engine {kind.name}: {error}")
        shutil.rmtree(work / ENGINES_FOLDER / kind.name, ignore_errors=True)


def _add(
    kind: EngineKind,
    model: nn.Module,
    manifest: Manifest,
    choice: Choice,
    work: Path,
    say: Say,
    images: Int8Images | None = None,
) -> None:
    if not kind.has_files:
        return
    folder = work / ENGINES_FOLDER / kind.name
    folder.mkdir(parents=True)
    spec = engine_spec(kind, manifest, choice)._replace(calibration=images and images.calibration)
    quantised, proof = kind.make(model, spec, folder), None
    if quantised and images:
        say(quantised.in_a_line())
        proof = prove(kind.open(folder, lambda: own_copy(model), spec), own_copy(model), manifest.card, images)
        say(proof.in_a_line())
    record = EngineRecord(
        engine=kind.name,
        target=Target.here(choice.device, choice.precision) if kind.has_machine_code else None,
        precision=precision_name(choice.precision) if kind.precision_is_in_files or quantised else None,
        sha256={file.name: sha256_of(file) for file in kind.files(folder)},
        weights_sha256=manifest.weights_sha256,
        quantised=quantised,
        proof=proof,
    )
    write_engine_record(record, folder)
