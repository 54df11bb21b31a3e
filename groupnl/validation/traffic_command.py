"""`groupnl traffic`: measures what is to be expected of the traffic, on held-back images, and writes it to a file."""

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import model_validator

from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.progress import progress
from groupnl.corruptions import NAMES
from groupnl.corruptions.corrupt import check
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device, choose_precision, precision_name
from groupnl.inference.device_names import Device, Precision
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.models.trained import Trained, open_described
from groupnl.traffic.file import SUFFIX, Traffic, write_traffic
from groupnl.traffic.fit import FOLDS, Fitted, fit
from groupnl.traffic.record import LOOKS, TrafficRecord
from groupnl.traffic.statistics import MIN_SIDE
from groupnl.validation.offline import HeldBack, read_images
from groupnl.validation.offline_command import refuse_different, tell_missing
from groupnl.validation.traffic import CleanAnswers, clean_answers, reference, statistics_in_all_cells

_PACKAGES = ("torch", "pillow", "numpy", "opencv-python-headless")


class Options(BaseOptions):
    """What `groupnl traffic` is told."""

    checkpoints: tuple[Path, ...]
    data: Path
    splits: tuple[str, ...]
    limit: Positive
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
        return [path.with_suffix(SUFFIX) for path in self.checkpoints] if self.output is None else [self.output]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl traffic`."""
    add = parser.add_argument
    add("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT", help="of one input and the same classes")
    add("--data", type=Path, default=Path("data/icons"), metavar="DIR", help="image folders by split (%(default)s)")
    add("--splits", nargs="+", default=["test_emoji", "test_style"], metavar="SPLIT", help="(test_emoji test_style)")
    add("--limit", type=int, default=1000, metavar="N", help="a random part of so many images (%(default)s)")
    add("--output", type=Path, metavar="FILE", help=f"of a single checkpoint (NAME{SUFFIX} beside it)")
    add("--precision", choices=get_args(Precision), default="auto", help="of the network (%(default)s)")
    add("--device", choices=get_args(Device), default="auto", help="of the network (%(default)s)")
    add("--threads", type=int, metavar="N", help="CPU threads (all cores)")
    add("--batch-size", type=int, default=64, metavar="N", help="(%(default)s)")
    add("--seed", type=int, default=0, help="of the corruptions, the random part and the fit (%(default)s)")


def run(options: Options) -> int:
    """Measure, fit, write one file a checkpoint.

    Raises:
        ConfigError: an option or an image that cannot be used.
        CheckpointError: a checkpoint that cannot be used.
    """
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    check(NAMES)
    device = choose_device(options.device)
    precision = choose_precision(options.precision, device)
    opened = [open_described(path) for path in options.checkpoints]
    refuse_different(opened)
    trained, card = opened[0]
    if trained.input.size < MIN_SIDE:
        raise ConfigError(f"{trained.path} takes {trained.input.size} pixels; statistics need {MIN_SIDE} or more")
    images = read_images(options.data, options.splits, card, options.limit, options.seed)
    if len(images.keys) < FOLDS:
        raise ConfigError(f"{options.data} has {len(images.keys)} images; {FOLDS} or more are needed, better 1000")
    tell_missing(images, card.classes)
    answers = [
        clean_answers(
            TorchEngine(trained.network, trained.input, device, precision), images, card.classes, options.batch_size
        )
        for trained, _ in opened
    ]
    sorted_statistics, fitted = _looks(images, options)
    for (trained, _), found, path in zip(opened, answers, options.outputs, strict=True):
        record = _record(options, trained, len(images.keys), precision, found)
        write_traffic(Traffic(record, *fitted, sorted_statistics), path)
        print(path)
    return 0


def _looks(images: HeldBack, options: Options) -> tuple[NDArray[np.float32], Fitted]:
    """What does not depend on a network: the sorted statistics, and the small model with its confusion."""
    with progress(unit="images", title="corrupting", total=len(LOOKS) * len(images.keys), large=True) as bar:
        statistics = statistics_in_all_cells(images, options.seed, options.batch_size, bar.update)
    with progress(unit="models", title="fitting", total=FOLDS + 1) as bar:
        fitted = fit(statistics, seed=options.seed, progress=bar.update)
    return reference(statistics[0], options.seed), fitted


def _record(
    options: Options, trained: Trained, images: int, precision: torch.dtype, found: CleanAnswers
) -> TrafficRecord:
    return TrafficRecord(
        architecture=trained.architecture,
        weights_sha256=trained.sha256,
        size=trained.input.size,
        data=options.data.resolve().name,
        splits=options.splits,
        images=images,
        precision=precision_name(precision),
        seed=options.seed,
        versions={name: version(name) for name in _PACKAGES},
        **found._asdict(),
    )
