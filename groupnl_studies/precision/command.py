"""`groupnl study precision`: every engine on a labelled test set, against the published form in eager float32."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Self, get_args

import torch
from pydantic import Field, model_validator
from torch import Tensor

from groupnl.archive.int8 import LEAST_CALIBRATION, calibration_images, without
from groupnl.base.atomic_file import write_whole
from groupnl.base.cores import whole_cores
from groupnl.base.files import sha256_of
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.progress import progress
from groupnl.base.short_names import by_short_name
from groupnl.card import ModelCard
from groupnl.corruptions.names import CELLS
from groupnl.errors import ConfigError
from groupnl.inference.agreement import LARGEST_SHIFT, LEAST_AGREEMENT, Agreement, answers, compare
from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device
from groupnl.inference.engines.engine import Engine
from groupnl.inference.ways import REFERENCE, Way, possible_ways, precision_ways
from groupnl.inference.workshop import Workshop
from groupnl.models.trained import open_described
from groupnl.validation.offline import HeldBack, read_images
from groupnl_studies.harness.cache import cache_folder
from groupnl_studies.harness.machine import machine
from groupnl_studies.harness.options import NewFile
from groupnl_studies.precision.cells import Robustness, cells_summary, cells_table, in_all_cells
from groupnl_studies.precision.figures import summary, table

_INT8 = Way(False, "openvino", torch.int8)


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
        calibrate: folder of images that calibrate the way openvino-int8, which is then compared too.
        cells: answer the images under all corruptions at all severities, too.
        seed: of the corruptions.
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
    calibrate: Path | None
    cells: bool
    seed: int
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
    add("--calibrate", type=Path, metavar="DIR", help="images for int8, which is compared then (float alone)")
    add("--cells", action="store_true", help="the images in all 95 cells of corruption and severity, too")
    add("--seed", type=int, default=0, help="of the corruptions (%(default)s)")
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
    ways = _ways(options, device)
    measured_on = machine()
    found: list[Agreement] = []
    robustness: list[Robustness] = []
    with cache_folder(options.cache) as cache:
        for name, checkpoint in by_short_name(options.checkpoints).items():
            agreements, in_cells = _study(options, name, checkpoint, ways, cache, device, threads)
            found += agreements
            robustness += in_cells
    print(table(found))
    if robustness:
        print(f"\n{cells_table(robustness)}")
    if options.json_file:
        content = _content(options, measured_on, threads, device, found)
        if robustness:
            content["cells"] = {"order": CELLS, "ways": cells_summary(robustness)}
        write_whole(options.json_file, json.dumps(content, indent=2) + "\n")
    return _verdict(found)


def _ways(options: Options, device: torch.device) -> list[Way]:
    defaults = precision_ways(device)
    if options.calibrate:
        defaults.append(_INT8)
    ways = possible_ways(options.engines, defaults, device)
    if options.calibrate is None and (needy := [way.name for way in ways if way.precision == torch.int8]):
        raise ConfigError(f"{needy[0]} needs images to calibrate with: --calibrate DIR")
    return ways


def _study(
    options: Options,
    name: str,
    checkpoint: Path,
    ways: list[Way],
    cache: Path,
    device: torch.device,
    threads: int,
) -> tuple[list[Agreement], list[Robustness]]:
    trained, card = open_described(checkpoint)
    images = read_images(options.data, options.splits, card, options.limit, 0)
    calibration = _calibration(options.calibrate, card, images) if options.calibrate else None
    workshop = Workshop(cache, card.input, device, threads, calibration=calibration)
    expected = answers(workshop.engine(REFERENCE, trained.network, trained.sha256), images.pixels, options.batch_size)
    found, engines = [], {}
    with progress(ways, stays=False, unit="ways") as bar:
        for way in bar:
            bar.set_description(f"{name}: {way.name}")
            engine = workshop.engine(way, trained.network, trained.sha256)
            logits = answers(engine, images.pixels, options.batch_size)
            found.append(compare(name, way.name, expected, logits, images.labels))
            if options.cells:
                engines[way.name] = engine
    return found, _in_cells(options, name, engines, images) if options.cells else []


def _calibration(folder: Path, card: ModelCard, images: HeldBack) -> Tensor:
    """Images of a folder that are not compared."""
    found = without(calibration_images(folder, card), images.pixels)
    if len(found) < LEAST_CALIBRATION:
        raise ConfigError(
            f"--calibrate {folder} has {len(found)} images that are not among those to compare, and at least "
            f"{LEAST_CALIBRATION} are needed: name another folder, or other --splits"
        )
    return found


def _in_cells(options: Options, name: str, engines: dict[str, Engine], images: HeldBack) -> list[Robustness]:
    total = (len(CELLS) + 1) * len(images.keys)
    with progress(unit="images", title=f"{name}: corrupted", total=total, large=True) as bar:
        return in_all_cells(
            name, engines, images, seed=options.seed, batch_size=options.batch_size, progress=bar.update
        )


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
            "calibrate": options.calibrate.name if options.calibrate else None,
            "seed": options.seed,
        },
        "wanted": {"least_agreement": LEAST_AGREEMENT, "largest_accuracy_shift": LARGEST_SHIFT},
        "weights_sha256": {name: sha256_of(path) for name, path in by_short_name(options.checkpoints).items()},
        "ways": summary(found),
    }
