"""Checkpoints and the held-back images that they answer: what `groupnl robustness` and `groupnl traffic` are told."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, get_args

import torch
from pydantic import model_validator

from groupnl.base.numbers import Positive
from groupnl.base.options import Options
from groupnl.card import ModelCard
from groupnl.corruptions import NAMES
from groupnl.corruptions.corrupt import check
from groupnl.errors import ConfigError
from groupnl.images.folders import LabelledFile, lack
from groupnl.inference.device import choose_device, choose_precision, precision_name
from groupnl.inference.device_names import Device, Precision
from groupnl.models.trained import Trained, open_described
from groupnl.validation.offline import chosen_files

_PACKAGES = ("torch", "pillow", "numpy", "opencv-python-headless")


class HeldBackOptions(Options):
    """What is measured, and how.

    Attributes:
        suffix: of the file that is written beside each checkpoint.
        checkpoints: of one input and the same classes.
        data: folders of images by split.
        splits: of them.
        limit: a random part of so many images; None: all.
        output: the file of a single checkpoint; None: beside it.
        precision: of the network.
        device: of the network.
        threads: on a CPU; None: all cores.
        batch_size: images at a time.
        seed: of the corruptions and of the random part.
    """

    suffix: ClassVar[str]

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
            raise ValueError(f"--output {self.output} is for one checkpoint; without it each file goes beside its own")
        return self

    @property
    def outputs(self) -> list[Path]:
        """Where each checkpoint's file goes."""
        return [path.with_suffix(self.suffix) for path in self.checkpoints] if self.output is None else [self.output]


def add_held_back_arguments(parser: argparse.ArgumentParser, suffix: str, limit: int | None, seed: str) -> None:
    """Declare the options.

    Args:
        parser: of the command.
        suffix: of the file that is written.
        limit: of the images, unless another is given.
        seed: what it decides.
    """
    add = parser.add_argument
    add("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT", help="of one input and the same classes")
    add("--data", type=Path, default=Path("data/icons"), metavar="DIR", help="image folders by split (%(default)s)")
    add("--splits", nargs="+", default=["test_emoji", "test_style"], metavar="SPLIT", help="(test_emoji test_style)")
    add("--limit", type=int, default=limit, metavar="N", help=f"a random part of so many images ({limit or 'all'})")
    add("--output", type=Path, metavar="FILE", help=f"of a single checkpoint (NAME{suffix} beside it)")
    add("--precision", choices=get_args(Precision), default="auto", help="of the network (%(default)s)")
    add("--device", choices=get_args(Device), default="auto", help="of the network (%(default)s)")
    add("--threads", type=int, metavar="N", help="CPU threads (all cores)")
    add("--batch-size", type=int, default=64, metavar="N", help="(%(default)s)")
    add("--seed", type=int, default=0, help=f"of {seed} (%(default)s)")


class Chosen(NamedTuple):
    """Checkpoints, and the images that they are to answer.

    Attributes:
        models: one for each.
        card: that they share but for the network.
        files: the images.
        device: where they run.
        precision: of their products.
        measured: what a record says of all of this: fields of `RobustnessRecord` and `TrafficRecord`.
    """

    models: Sequence[Trained]
    card: ModelCard
    files: Sequence[LabelledFile]
    device: torch.device
    precision: torch.dtype
    measured: dict[str, Any]


def choose_held_back(options: HeldBackOptions) -> Chosen:
    """Read the checkpoints and look for the images; which classes have none is told on stderr.

    Raises:
        ConfigError: an option that cannot be used, or checkpoints that cannot share one set of images.
        CheckpointError: a checkpoint that cannot be used.
    """
    check(NAMES)
    device = choose_device(options.device)
    precision = choose_precision(options.precision, device)
    opened = [open_described(path) for path in options.checkpoints]
    _refuse_different(opened)
    models, card = [trained for trained, _ in opened], opened[0][1]
    files = chosen_files(options.data, options.splits, card.classes, options.limit, options.seed)
    labels = {file.label for file in files}
    if missing := [name for label, name in enumerate(card.classes) if label not in labels]:
        print(lack("the images", missing, len(card.classes)), file=sys.stderr)
    measured = {
        "data": options.data.resolve().name,
        "splits": options.splits,
        "images": len(files),
        "precision": precision_name(precision),
        "seed": options.seed,
        "versions": {name: version(name) for name in _PACKAGES},
    }
    return Chosen(models, card, files, device, precision, measured)


def _refuse_different(opened: Sequence[tuple[Trained, ModelCard]]) -> None:
    (first, usual), *others = opened
    for trained, card in others:
        if (card.classes, card.input) != (usual.classes, usual.input):
            raise ConfigError(f"{trained.path} has other classes or another input than {first.path}: measure it alone")
