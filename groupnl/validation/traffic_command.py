"""`groupnl traffic`: measures what is to be expected of the traffic, on held-back images, and writes it to a file."""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from groupnl.base.progress import progress
from groupnl.card import InputConfig
from groupnl.errors import ConfigError
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.traffic.file import SUFFIX, Traffic, write_traffic
from groupnl.traffic.fit import FOLDS, Fitted, fit, settled
from groupnl.traffic.record import LOOKS, TrafficRecord
from groupnl.traffic.statistics import MIN_SIDE
from groupnl.validation.held_back_command import HeldBackOptions, add_held_back_arguments, choose_held_back
from groupnl.validation.offline import HeldBack, read_files
from groupnl.validation.traffic import (
    clean_answers,
    live_statistics,
    looks_carried,
    reference,
    statistics_in_all_cells,
)

IMAGES = 1000  # unless another number is given


class Options(HeldBackOptions):
    """What `groupnl traffic` is told.

    Attributes:
        live: unlabelled images of the traffic, which say what clean ones look like; None: held-back ones do.
    """

    suffix = SUFFIX

    live: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl traffic`."""
    add_held_back_arguments(parser, SUFFIX, limit=IMAGES, seed="the corruptions, the random part and the fit")
    text = "unlabelled images of the traffic, which say what clean ones look like there (held-back ones do)"
    parser.add_argument("--live", type=Path, metavar="DIR", help=text)


def run(options: Options) -> int:
    """Measure, fit, write one file a checkpoint.

    Raises:
        ConfigError: an option or an image that cannot be used.
        CheckpointError: a checkpoint that cannot be used.
    """
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    models, card, files, device, precision, measured = choose_held_back(options)
    if card.input.size < MIN_SIDE:
        raise ConfigError(f"{models[0].path} takes {card.input.size} pixels; statistics need {MIN_SIDE} or more")
    if len(files) < FOLDS:
        raise ConfigError(f"{options.data} has {len(files)} images; {FOLDS} or more are needed, better {IMAGES}")
    images = read_files(files, options.data, card.input)
    engines = [TorchEngine(trained.network, trained.input, device, precision) for trained in models]
    live = None if options.live is None else _live(options.live, card.input, len(images.keys), options)
    answers = [clean_answers(engine, images, card.classes, options.batch_size) for engine in engines]
    sorted_statistics, fitted = _looks(images, options)
    if live is not None:
        _say_what_is_clean(looks_carried(fitted, live), len(live))
        fitted = settled(fitted, live)
    for trained, found, path in zip(models, answers, options.outputs, strict=True):
        record = TrafficRecord(
            architecture=trained.architecture,
            weights_sha256=trained.sha256,
            size=trained.input.size,
            live_images=0 if live is None else len(live),
            **measured,
            **found._asdict(),
        )
        write_traffic(Traffic(record, fitted.recogniser, fitted.confusion, sorted_statistics), path)
        print(path)
    return 0


def _looks(images: HeldBack, options: Options) -> tuple[NDArray[np.float32], Fitted]:
    """What does not depend on a network: the sorted statistics, and the small model with its confusion."""
    with progress(unit="images", title="corrupting", total=len(LOOKS) * len(images.keys), large=True) as bar:
        statistics = statistics_in_all_cells(images, options.seed, options.batch_size, bar.update)
    with progress(unit="models", title="fitting", total=FOLDS + 1) as bar:
        fitted = fit(statistics, seed=options.seed, progress=bar.update)
    return reference(statistics[0], options.seed), fitted


def _live(folder: Path, config: InputConfig, least: int, options: Options) -> NDArray[np.float32]:
    return live_statistics(folder, config, least, options.limit, options.seed, options.batch_size)


def _say_what_is_clean(carried: dict[str, float], images: int) -> None:
    """What these images carry is not told of later, so it is told now."""
    if carried:
        found = ", ".join(f"{share:.0%} {name}" for name, share in carried.items())
        print(f"beside held-back images, the {images} live ones look like {found}: that is clean now", file=sys.stderr)
    else:
        print(f"beside held-back images, the {images} live ones look clean", file=sys.stderr)
