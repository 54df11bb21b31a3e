"""`groupnl study traffic`: is a corruption that traffic carries found and named, and clean traffic left alone?"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt
from torch.nn import functional as F

from groupnl.base.atomic_file import write_whole
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.progress import progress
from groupnl.corruptions.names import NAMES
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.models.trained import open_described
from groupnl.traffic.file import Traffic
from groupnl.traffic.fit import FOLDS, Fitted, fit, settled
from groupnl.traffic.onlooker import Onlooker
from groupnl.traffic.record import LOOKS, TrafficRecord
from groupnl.traffic.statistics import pixel_statistics
from groupnl.validation.offline import read_images
from groupnl.validation.traffic import clean_answers, reference, statistics_in_all_cells
from groupnl_studies.harness.options import NewFile
from groupnl_studies.statistics.finding import Finding, table
from groupnl_studies.traffic.pictures import Pictures, photographs, split
from groupnl_studies.traffic.strangers import STRANGERS, Seen, seen
from groupnl_studies.traffic.streams import Told, false_alarms, told_of
from groupnl_studies.traffic.tables import corruption_table, findings, stranger_table
from groupnl_studies.traffic.watch import Watch

SEVERITIES = (3, 4, 5)
_MONTHS = 10  # that are simulated
_BATCH = 8  # images that a service looks at together
_LARGE = 224  # pixels a side
_TIMED = 200  # batches
_LIMIT_MS = 0.3  # an image


class Options(BaseOptions):
    """What `groupnl study traffic` tries.

    Attributes:
        checkpoint: its classes and input; its answers are looked at, too.
        data: icons, folders by split.
        splits: of them.
        fitted: icons that the small model is fitted to.
        tested: others, of which the traffic is.
        photographs: a folder of them; None: none.
        known: photographs that the small model is fitted to; None: half of them.
        size: of their crops, pixels.
        crops: of each photograph.
        streams: simulated ones of each corruption.
        seed: of everything.
        json_file: for all figures.
    """

    checkpoint: Path
    data: Path
    splits: tuple[str, ...]
    fitted: Positive
    tested: Positive
    photographs: Path | None
    known: Positive | None
    size: Positive
    crops: Positive
    streams: Positive
    seed: NonNegativeInt
    json_file: NewFile | None = Field(alias="json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study traffic`."""
    add = parser.add_argument
    default = Path("model_store/efficientnet_gnl_es.safetensors")
    add("--checkpoint", type=Path, default=default, metavar="FILE", help="answers the icons (%(default)s)")
    add("--data", type=Path, default=Path("data/icons"), metavar="DIR", help="icons, folders by split (%(default)s)")
    add("--splits", nargs="+", default=["test_emoji", "test_style"], metavar="SPLIT", help="(test_emoji test_style)")
    add("--fitted", type=int, default=1000, metavar="N", help="icons for the small model (%(default)s)")
    add("--tested", type=int, default=500, metavar="N", help="other icons, for the traffic (%(default)s)")
    add("--photographs", type=Path, metavar="DIR", help="to fit to some, and look at the others (none)")
    add("--known", type=int, metavar="N", help="photographs for the small model (half of them)")
    add("--size", type=int, default=64, metavar="N", help="of the photographs' crops, pixels (%(default)s)")
    add("--crops", type=int, default=24, metavar="N", help="of each photograph (%(default)s)")
    add("--streams", type=int, default=400, metavar="N", help="simulated ones of each corruption (%(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="of everything (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write all figures")


def run(options: Options) -> int:
    """Fit, look, simulate; print the tables, write the figures.

    Returns:
        1 if a figure is not what is wanted of it.

    Raises:
        ConfigError: images or the checkpoint cannot be used.
    """
    told: dict[str, list[Told]] = {}
    trained, card = open_described(options.checkpoint)
    images = read_images(options.data, options.splits, card, options.fitted + options.tested, options.seed)
    ours, theirs = split(images, options.fitted, options.seed)
    icons = _looked_at(ours, {"icons": _Asked(None, theirs)}, options.seed)["icons"]
    engine = TorchEngine(trained.network, trained.input, torch.device("cpu"), torch.float32)
    answers = clean_answers(engine, ours.images, card.classes)
    record = TrafficRecord(
        architecture=trained.architecture,
        weights_sha256=trained.sha256,
        size=trained.input.size,
        data=options.data.name,
        splits=options.splits,
        images=len(ours.images.keys),
        precision="float32",
        seed=options.seed,
        versions={},
        **answers._asdict(),
    )
    fitted = icons.fitted
    traffic = Traffic(record, fitted.recogniser, fitted.confusion, reference(icons.clean, options.seed))
    strangers = [seen(kind, theirs.images.pixels, theirs.images.labels, traffic, engine) for kind in STRANGERS]
    sets = {"icons": icons}
    if options.photographs:
        known, again, others, past = photographs(
            options.photographs, options.size, options.crops, options.seed, options.known
        )
        crops = {"new crops": _Asked(None, again), "other photographs": _Asked(known.groups, others, past)}
        sets |= _looked_at(known, crops, options.seed)
    found: list[Finding] = []
    for name, looked_at in sets.items():
        told[name], alarms = _simulated(looked_at, options)
        found += [*findings(name, told[name], alarms), *_timed(name, traffic, looked_at.pixels)]
    print(table(f"{options.streams} streams of each corruption", found), end="\n\n")
    print(corruption_table(told), end="\n\n")
    print(stranger_table(strangers))
    if options.json_file:
        write_whole(options.json_file, json.dumps(_content(options, found, told, strangers), indent=2) + "\n")
    return int(any(each.passes is False for each in found))


class _Asked(NamedTuple):
    """Traffic whose looks are wanted.

    Attributes:
        groups: by which the fit is judged; None: each image is one.
        pictures: the traffic.
        past: other clean images of the same place; None: there are none.
    """

    groups: NDArray[np.int64] | None
    pictures: Pictures
    past: Pictures | None = None


class _LookedAt(NamedTuple):
    """A small model, and what images look like to it that it has not seen.

    Attributes:
        fitted: the small model.
        clean: statistics of the images that it is fitted to, without corruption.
        looks: int64 (96, N), of the others.
        pixels: of the others.
    """

    fitted: Fitted
    clean: NDArray[np.float32]
    looks: NDArray[np.int64]
    pixels: torch.Tensor


def _looked_at(ours: Pictures, traffic: Mapping[str, _Asked], seed: int) -> dict[str, _LookedAt]:
    """Fit, and look at each traffic, by its name; once more with what its past says, where there is one."""
    all_pictures = [ours, *(asked.pictures for asked in traffic.values())]
    total = len(LOOKS) * sum(len(pictures.images.keys) for pictures in all_pictures)
    found = {}
    with progress(unit="images", title=f"corrupting {', '.join(traffic)}", total=total, large=True) as bar:
        known = statistics_in_all_cells(ours.images, seed, progress=bar.update)
        unknown = {
            name: statistics_in_all_cells(asked.pictures.images, seed + 1, progress=bar.update)
            for name, asked in traffic.items()
        }
    with progress(unit="models", title="fitting", total=len(traffic) * (FOLDS + 1)) as bar:
        for name, asked in traffic.items():
            fits = {name: fit(known, asked.groups, seed=seed, progress=bar.update)}
            if asked.past is not None:
                fits[f"{name}, settled"] = settled(fits[name], pixel_statistics(asked.past.images.pixels))
            for each, fitted in fits.items():
                looks = np.stack([fitted.recogniser.looks(row) for row in unknown[name]])
                found[each] = _LookedAt(fitted, known[0], looks, asked.pictures.images.pixels)
    return found


def _simulated(looked_at: _LookedAt, options: Options) -> tuple[list[Told], list[int]]:
    rng = np.random.default_rng(options.seed)
    watch = Watch(looked_at.fitted.confusion)
    told = [told_of(name, looked_at.looks, watch, SEVERITIES, options.streams, rng) for name in NAMES]
    return told, [false_alarms(looked_at.looks[0], watch, rng) for _ in range(_MONTHS)]


def _timed(name: str, traffic: Traffic, pixels: torch.Tensor) -> list[Finding]:
    """Processor time of a look at an image: the median of many batches, of their own size and of a large one."""
    onlooker = Onlooker(traffic)
    found = []
    for batch in (pixels[:_BATCH], F.interpolate(pixels[:_BATCH], size=_LARGE)):
        seconds = []
        for _ in range(_TIMED):
            begin = time.process_time()
            onlooker.look(batch)
            seconds.append(time.process_time() - begin)
        what = f"processor time for an image of {batch.shape[-1]} pixels"
        found.append(Finding(name, what, 1e3 * median(seconds) / len(batch), "ms", at_most=_LIMIT_MS))
    return found


def _content(
    options: Options, found: Sequence[Finding], told: dict[str, list[Told]], strangers: Sequence[Seen]
) -> dict[str, object]:
    return {
        "seed": options.seed,
        "streams": options.streams,
        "findings": [each._asdict() | {"passes": each.passes} for each in found],
        "corruptions": {name: [each._asdict() for each in of_all] for name, of_all in told.items()},
        "strangers": [each._asdict() for each in strangers],
    }
