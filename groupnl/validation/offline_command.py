"""`groupnl robustness`: measures checkpoints on held-back images under all corruptions, and writes their records."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self, get_args

import torch
from pydantic import model_validator
from tqdm import tqdm

from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.progress import progress
from groupnl.card import ModelCard
from groupnl.corruptions import NAMES
from groupnl.corruptions.corrupt import check
from groupnl.errors import ConfigError
from groupnl.images.folders import lack
from groupnl.inference.device import choose_device, choose_precision, precision_name
from groupnl.inference.device_names import Device, Precision
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.models.trained import Trained, open_described
from groupnl.robustness.record import SUFFIX, RobustnessRecord, read_record, write_record
from groupnl.validation.offline import HeldBack, Measurement, read_images
from groupnl.validation.resume import resume

_PACKAGES = ("torch", "pillow", "numpy", "opencv-python-headless")


class Options(BaseOptions):
    """What `groupnl robustness` is told."""

    checkpoints: tuple[Path, ...]
    data: Path
    splits: tuple[str, ...]
    limit: Positive | None
    output: Path | None
    precision: Precision
    device: Device
    threads: Positive | None
    batch_size: Positive
    seed: int

    @model_validator(mode="after")
    def _one_output(self) -> Self:
        if self.output is not None and len(self.checkpoints) > 1:
            raise ValueError(
                f"--output {self.output} is for one checkpoint; without it each record goes beside its own"
            )
        return self

    @property
    def outputs(self) -> list[Path]:
        """Where each checkpoint's record goes."""
        return [path.with_suffix(SUFFIX) for path in self.checkpoints] if self.output is None else [self.output]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl robustness`."""
    add = parser.add_argument
    add("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT", help="of one input and the same classes")
    add("--data", type=Path, default=Path("data/icons"), metavar="DIR", help="image folders by split (%(default)s)")
    add("--splits", nargs="+", default=["test_emoji", "test_style"], metavar="SPLIT", help="(test_emoji test_style)")
    add("--limit", type=int, metavar="N", help="a random part of so many images (all)")
    add("--output", type=Path, metavar="FILE", help=f"of a single checkpoint's record (NAME{SUFFIX} beside it)")
    add("--precision", choices=get_args(Precision), default="auto", help="(%(default)s)")
    add("--device", choices=get_args(Device), default="auto", help="(%(default)s)")
    add("--threads", type=int, metavar="N", help="CPU threads (all cores)")
    add("--batch-size", type=int, default=64, metavar="N", help="(%(default)s)")
    add("--seed", type=int, default=0, help="of the corruptions and the random part (%(default)s)")


def run(options: Options) -> int:
    """Measure; what a record of the same settings holds already is kept.

    Raises:
        ConfigError: an option that cannot be used, or a record of other settings is in the way.
        CheckpointError: a checkpoint that cannot be used.
    """
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    check(NAMES)
    device = choose_device(options.device)
    precision = choose_precision(options.precision, device)
    opened = [open_described(path) for path in options.checkpoints]
    refuse_different(opened)
    models = [trained for trained, _ in opened]
    engines = [TorchEngine(trained.network, trained.input, device, precision) for trained in models]
    images = read_images(options.data, options.splits, opened[0][1], options.limit, options.seed)
    tell_missing(images, opened[0][1].classes)
    with progress(unit="images", large=True) as bar:
        measurement = Measurement(
            engines, images, seed=options.seed, batch_size=options.batch_size, progress=bar.update
        )
        counts = measurement.clean_correct()
        fresh = [
            _empty(options, trained, len(images.keys), precision, correct)
            for trained, correct in zip(models, counts, strict=True)
        ]
        records = [_resumed(record, path) for record, path in zip(fresh, options.outputs, strict=True)]
        _measure(measurement, records, options.outputs, bar)
    for path in options.outputs:
        print(path)
    return 0


def refuse_different(opened: Sequence[tuple[Trained, ModelCard]]) -> None:
    """Refuse checkpoints that cannot share one set of images.

    Raises:
        ConfigError: their inputs or classes differ.
    """
    (first, usual), *others = opened
    for trained, card in others:
        if (card.classes, card.input) != (usual.classes, usual.input):
            raise ConfigError(f"{trained.path} has other classes or another input than {first.path}: measure it alone")


def tell_missing(images: HeldBack, classes: Sequence[str]) -> None:
    """Say on stderr of which classes there is no image."""
    labels = set(images.labels.tolist())
    if missing := [name for label, name in enumerate(classes) if label not in labels]:
        print(lack("the images", missing, len(classes)), file=sys.stderr)


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


def _empty(options: Options, trained: Trained, images: int, precision: torch.dtype, correct: int) -> RobustnessRecord:
    return RobustnessRecord(
        architecture=trained.architecture,
        weights_sha256=trained.sha256,
        data=options.data.resolve().name,
        splits=options.splits,
        images=images,
        clean_correct=correct,
        precision=precision_name(precision),
        seed=options.seed,
        versions={name: version(name) for name in _PACKAGES},
        corruptions=NAMES,
    )


def _resumed(fresh: RobustnessRecord, path: Path) -> RobustnessRecord:
    """The record as it lies there, if it is of the same settings; corruptions that are new since then are added."""
    return resume(path, fresh, read=read_record, merge=_with_corruptions_of, settings=_settings)


def _with_corruptions_of(record: RobustnessRecord, other: RobustnessRecord) -> RobustnessRecord:
    known = record.corruptions
    more = tuple(name for name in other.corruptions if name not in known)
    return record.model_copy(update={"corruptions": known + more})


def _settings(record: RobustnessRecord) -> dict[str, Any]:
    return record.model_dump(exclude={"corruptions", "cells"})
