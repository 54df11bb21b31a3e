"""`groupnl study precision`: every engine on a labelled test set, against the published form in eager float32."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Self, get_args

import torch
from pydantic import Field, model_validator

from groupnl.base.atomic_file import write_whole
from groupnl.base.cores import whole_cores
from groupnl.base.files import sha256_of
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.progress import progress
from groupnl.base.short_names import by_short_name
from groupnl.inference.agreement import LARGEST_SHIFT, LEAST_AGREEMENT, Agreement, answers, compare
from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device
from groupnl.inference.ways import REFERENCE, Way, possible_ways, precision_ways
from groupnl.inference.workshop import Workshop
from groupnl.models.trained import open_described
from groupnl.validation.offline import read_images
from groupnl_studies.harness.cache import cache_folder
from groupnl_studies.harness.machine import machine
from groupnl_studies.harness.options import NewFile
from groupnl_studies.precision.figures import summary, table


class Options(BaseOptions):
    """What `groupnl study precision` compares.

    Attributes:
        checkpoints: safetensors files of `groupnl train`.
        data: image folders by split.
        splits: of the images.
        limit: a random part of so many images; None: all.
        engines: names of ways to run a network; None: all that are possible here.
        batch_size: images at once.
        threads: of the CPU; None: all cores.
        device: that runs the networks.
        cache: folder that keeps compiled networks for the next run; None: a temporary one.
        json_file: for all figures.
    """

    checkpoints: tuple[Path, ...]
    data: Path
    splits: tuple[str, ...]
    limit: Positive | None
    engines: list[str] | None
    batch_size: Positive
    threads: Positive | None
    device: Device
    cache: Path | None
    json_file: NewFile | None = Field(alias="json")

    @model_validator(mode="after")
    def _data_is_there(self) -> Self:
        if not self.data.is_dir():
            raise ValueError(f"--data {self.data} does not exist: build it with `groupnl data icons --out {self.data}`")
        return self


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study precision`."""
    add = parser.add_argument
    add("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT", help="safetensors file of `groupnl train`")
    add("--data", type=Path, default=Path("data/icons"), metavar="DIR", help="image folders by split (%(default)s)")
    add("--splits", nargs="+", default=["test_emoji", "test_style"], metavar="SPLIT", help="(test_emoji test_style)")
    add("--limit", type=int, metavar="N", help="a random part of so many images (all)")
    add("--engines", nargs="+", metavar="WAY", help="ENGINE-PRECISION, ... (all that are possible here)")
    add("--batch-size", type=int, default=32, metavar="N", help="(%(default)s)")
    add("--threads", type=int, metavar="N", help="CPU threads (all cores)")
    add("--device", choices=get_args(Device), default="auto", help="(%(default)s)")
    add("--cache", type=Path, metavar="DIR", help="keeps compiled networks for the next run (a temporary folder)")
    add("--json", type=Path, metavar="FILE", help="write all figures")


def run(options: Options) -> int:
    """Compare, print the table, write the figures.

    Returns:
        1 if a way agrees on too few images, or shifts the accuracy too far.

    Raises:
        ConfigError: an option that cannot be used, or the images are missing.
        CheckpointError: a checkpoint that cannot be used, or without a model card.
        RewriteError: a network cannot be compiled, or gives logits that are not finite.
    """
    threads = options.threads or whole_cores()
    torch.set_num_threads(threads)
    device = choose_device(options.device)
    ways = possible_ways(options.engines, precision_ways(device), device)
    measured_on = machine()
    found: list[Agreement] = []
    with cache_folder(options.cache) as cache:
        for name, checkpoint in by_short_name(options.checkpoints).items():
            found += _study(options, name, checkpoint, ways, cache, device, threads)
    print(table(found))
    if options.json_file:
        content = _content(options, measured_on, threads, device, found)
        write_whole(options.json_file, json.dumps(content, indent=2) + "\n")
    return _verdict(found)


def _study(
    options: Options,
    name: str,
    checkpoint: Path,
    ways: list[Way],
    cache: Path,
    device: torch.device,
    threads: int,
) -> list[Agreement]:
    trained, card = open_described(checkpoint)
    images = read_images(options.data, options.splits, card, options.limit, 0)
    workshop = Workshop(cache, card.input, device, threads)
    expected = answers(workshop.engine(REFERENCE, trained.network, trained.sha256), images.pixels, options.batch_size)
    found = []
    with progress(ways, stays=False, unit="ways") as bar:
        for way in bar:
            bar.set_description(f"{name}: {way.name}")
            engine = workshop.engine(way, trained.network, trained.sha256)
            logits = answers(engine, images.pixels, options.batch_size)
            found.append(compare(name, way.name, expected, logits, images.labels))
    return found


def _verdict(found: list[Agreement]) -> int:
    failed = [each for each in found if not each.passes]
    for each in failed:
        print(
            f"groupnl study precision: {each.network} in the way {each.way} agrees on {each.agreement:.2%} of the "
            f"images (at least {LEAST_AGREEMENT:.0%} is wanted) and shifts the accuracy by {100 * each.shift:+.2f} "
            f"points (at most {100 * LARGEST_SHIFT:g}): do not serve it so",
            file=sys.stderr,
        )
    return 1 if failed else 0


def _content(
    options: Options, measured_on: dict[str, Any], threads: int, device: torch.device, found: list[Agreement]
) -> dict[str, Any]:
    return {
        "machine": measured_on,
        "settings": {
            "data": options.data.resolve().name,
            "splits": options.splits,
            "limit": options.limit,
            "batch_size": options.batch_size,
            "threads": threads,
            "device": device.type,
            "reference": REFERENCE.name,
        },
        "wanted": {"least_agreement": LEAST_AGREEMENT, "largest_accuracy_shift": LARGEST_SHIFT},
        "weights_sha256": {name: sha256_of(path) for name, path in by_short_name(options.checkpoints).items()},
        "ways": summary(found),
    }
