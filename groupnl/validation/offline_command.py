"""`groupnl robustness`: measures checkpoints on held-back images under all corruptions, and writes their records."""

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from groupnl.card import ModelCard
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device, choose_precision, precision_name
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.models.trained import Trained, open_described
from groupnl.robustness.record import SUFFIX, RobustnessRecord, read_record, write_record
from groupnl.validation.offline import HeldBack, Measurement, read_images

_PACKAGES = ("torch", "pillow", "numpy", "opencv-python-headless")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl robustness`."""
    add = parser.add_argument
    add("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT", help="of one input and the same classes")
    add("--data", type=Path, default=Path("data/icons"), metavar="DIR", help="image folders by split (%(default)s)")
    add("--splits", nargs="+", default=["test_emoji", "test_style"], metavar="SPLIT", help="(%(default)s)")
    add("--limit", type=int, metavar="N", help="a random part of so many images (all)")
    add("--output", type=Path, metavar="FILE", help=f"of a single checkpoint's record (NAME{SUFFIX} beside it)")
    add("--precision", choices=["auto", "float32", "bfloat16", "float16"], default="auto", help="(%(default)s)")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="(%(default)s)")
    add("--threads", type=int, metavar="N", help="CPU threads (all cores)")
    add("--batch-size", type=int, default=64, metavar="N", help="(%(default)s)")
    add("--seed", type=int, default=0, help="of the corruptions and the random part (%(default)s)")


def run(args: argparse.Namespace) -> int:
    """Measure; what a record of the same settings holds already is kept.

    Raises:
        ConfigError: an option that cannot be used, or a record of other settings is in the way.
        CheckpointError: a checkpoint that cannot be used.
    """
    for option, value in (("--threads", args.threads), ("--limit", args.limit), ("--batch-size", args.batch_size)):
        if value is not None and value < 1:
            raise ConfigError(f"{option} {value}: it must be 1 or more")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    outputs = _outputs(args)
    opened = [open_described(path) for path in args.checkpoints]
    _refuse_different(opened)
    engines, precision = _engines(args, opened)
    images = read_images(args.data, args.splits, opened[0][1], args.limit, args.seed)
    with tqdm(unit=" images", unit_scale=True, smoothing=0.05) as bar:
        measurement = Measurement(engines, images, seed=args.seed, batch_size=args.batch_size, progress=bar.update)
        fresh = [
            _empty(args, trained, images, precision, correct)
            for (trained, _), correct in zip(opened, measurement.clean_correct(), strict=True)
        ]
        records = [_resumed(record, path) for record, path in zip(fresh, outputs, strict=True)]
        _measure(measurement, records, outputs, bar)
    for path in outputs:
        print(path)
    return 0


def _measure(measurement: Measurement, records: list[RobustnessRecord], outputs: list[Path], bar: "tqdm[Any]") -> None:
    todo = [cell for cell in records[0].missing() if all(cell in record.missing() for record in records)]
    if any(set(record.missing()) != set(todo) for record in records):
        raise ConfigError(f"{outputs[0]} and {outputs[1]} hold different cells; remove one, or measure one by one")
    bar.reset(total=len(todo) * records[0].images)
    for cell in todo:
        bar.set_description(f"{cell.corruption} {cell.severity}")
        found = measurement.cell(cell)
        records = [record.with_cell(figures) for record, figures in zip(records, found, strict=True)]
        for record, path in zip(records, outputs, strict=True):
            write_record(record, path)


def _outputs(args: argparse.Namespace) -> list[Path]:
    if args.output is None:
        return [path.with_suffix(SUFFIX) for path in args.checkpoints]
    if len(args.checkpoints) > 1:
        raise ConfigError(f"--output {args.output} is for one checkpoint; without it each record goes beside its own")
    return [args.output]


def _refuse_different(opened: list[tuple[Trained, ModelCard]]) -> None:
    """One set of images is read for all of them."""
    (first, usual), *others = opened
    for trained, card in others:
        if (card.classes, card.input) != (usual.classes, usual.input):
            raise ConfigError(f"{trained.path} has other classes or another input than {first.path}: measure it alone")


def _engines(
    args: argparse.Namespace, opened: list[tuple[Trained, ModelCard]]
) -> tuple[list[TorchEngine], torch.dtype]:
    device = choose_device(args.device)
    precision = choose_precision(args.precision, device)
    return [TorchEngine(trained.network, trained.input, device, precision) for trained, _ in opened], precision


def _empty(
    args: argparse.Namespace, trained: Trained, images: HeldBack, precision: torch.dtype, correct: int
) -> RobustnessRecord:
    return RobustnessRecord(
        architecture=trained.architecture,
        weights_sha256=trained.sha256,
        data=args.data.resolve().name,
        splits=tuple(args.splits),
        images=len(images.keys),
        clean_correct=correct,
        precision=precision_name(precision),
        seed=args.seed,
        versions={name: version(name) for name in _PACKAGES},
    )


def _resumed(record: RobustnessRecord, path: Path) -> RobustnessRecord:
    """The record as it lies there, if it is of the same settings."""
    if not path.exists():
        return record
    found = read_record(path)
    if found.model_copy(update={"cells": ()}) != record:
        raise ConfigError(f"{path} was measured with other settings or weights; remove it, or name another --output")
    return found
