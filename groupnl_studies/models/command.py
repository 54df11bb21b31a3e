"""`groupnl bench models`: GroupNL networks beside their twins, in every form, engine and batch size."""

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import AfterValidator, model_validator

from groupnl.base.atomic_file import write_whole
from groupnl.base.cores import whole_cores
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.others import others_in_words
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device
from groupnl.inference.ways import possible_ways, speed_ways
from groupnl.models import PUBLISHED, VARIANTS
from groupnl_studies.harness.cache import cache_folder
from groupnl_studies.harness.machine import machine
from groupnl_studies.harness.own_process import in_a_process
from groupnl_studies.models.figures import pair_summary
from groupnl_studies.models.pair import Pair, PairTimes, Plan, measure_pair
from groupnl_studies.models.plot import draw
from groupnl_studies.models.table import tables

SIZES = (32, 1024)  # of the input, pixels
JSON_FILE, PLOT_FILE, TABLE_FILE = "bench-models.json", "bench-models.svg", "bench-models-tables.md"
DEFAULT_MODELS = (
    *("efficientnet_gnl_es", "mobilenetv2_gnl_100", "mobilenetv3_gnl_large_100", "efficientnet_gnl_b0"),
    *("efficientnet_gnl_lite0", "efficientnetv2_gnl_s", "gnl_resnet101", "gnl_std_r4_resnet101"),
)


def _within_sizes(size: int) -> int:
    if not SIZES[0] <= size <= SIZES[1]:
        raise ValueError(f"it must be from {SIZES[0]} to {SIZES[1]} pixels")
    return size


class Options(BaseOptions):
    """What `groupnl bench models` measures.

    Attributes:
        models: GroupNL networks; None: `DEFAULT_MODELS`.
        all: all fifteen instead.
        engines: names of ways to run a network; None: what suits the machine.
        batches: images at once.
        size: side of the input, pixels.
        rounds: how often every network is measured in every way and batch size.
        threads: of the CPU; None: all cores.
        device: that runs the networks.
        cache: folder that keeps compiled networks for the next run; None: a temporary one.
        out: folder for figures, tables and picture; made if missing.
    """

    models: tuple[str, ...] | None
    all: bool
    engines: list[str] | None
    batches: tuple[Positive, ...]
    size: Annotated[int, AfterValidator(_within_sizes)]
    rounds: Positive
    threads: Positive | None
    device: Device
    cache: Path | None
    out: Path

    @model_validator(mode="after")
    def _names_its_models_once(self) -> Self:
        if self.all and self.models:
            raise ValueError("--all and --models exclude each other: give one of them")
        return self


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl bench models`."""
    add = parser.add_argument
    add("--models", nargs="+", metavar="NAME", help=f"GroupNL networks ({' '.join(DEFAULT_MODELS)})")
    add("--all", action="store_true", help="all fifteen")
    add(
        "--engines",
        nargs="+",
        metavar="WAY",
        help="ENGINE-PRECISION, or published-ENGINE-PRECISION for the form that was trained (what suits the machine)",
    )
    add("--batches", type=int, nargs="+", default=[1, 8, 32], metavar="N", help="images at once (1 8 32)")
    add("--size", type=int, default=224, metavar="S", help="side of the input, pixels (%(default)s)")
    add("--rounds", type=int, default=7, metavar="N", help="(%(default)s)")
    add("--threads", type=int, metavar="N", help="CPU threads (all cores)")
    add("--device", choices=get_args(Device), default="auto", help="(%(default)s)")
    add("--cache", type=Path, metavar="DIR", help="keeps compiled networks for the next run (a temporary folder)")
    add("--out", type=Path, required=True, metavar="DIR", help="for figures, tables and picture; made if missing")


def run(options: Options) -> int:
    """Measure pair after pair; the files are written anew after each, so that an interrupted run leaves what it has.

    Raises:
        ConfigError: an option that cannot be used.
        RewriteError: a network cannot be compiled, or a way computes something else.
    """
    pairs = _pairs(options)
    measured_on = machine()
    options.out.mkdir(parents=True, exist_ok=True)
    measured: list[PairTimes] = []
    with cache_folder(options.cache) as cache:
        plan = _plan(options, cache)
        for number, pair in enumerate(pairs, 1):
            print(f"{number} of {len(pairs)}: {pair.model} beside {pair.twin}", file=sys.stderr, flush=True)
            measured.append(in_a_process(measure_pair, pair, plan))
            _write(options.out, plan, measured_on, measured)
    print(_text(measured))
    return 0


def _plan(options: Options, cache: Path) -> Plan:
    device = choose_device(options.device)
    return Plan(
        ways=tuple(possible_ways(options.engines, speed_ways(device), device)),
        batches=tuple(sorted(set(options.batches))),
        size=options.size,
        rounds=options.rounds,
        threads=options.threads or whole_cores(),
        device=device.type,
        cache=cache,
    )


def _pairs(options: Options) -> list[Pair]:
    names = [variant.name for variant in PUBLISHED] if options.all else (options.models or DEFAULT_MODELS)
    if unknown := [name for name in names if name not in VARIANTS]:
        raise ConfigError(f"--models {unknown[0]}: it is no GroupNL network; `groupnl models` lists them")
    return [Pair(name, VARIANTS[name].twin) for name in dict.fromkeys(names)]


def _text(measured: list[PairTimes]) -> str:
    others = statistics.fmean(times.others for times in measured)
    return f"{tables(measured)}\n\n{others_in_words(others)}"


def _write(out: Path, plan: Plan, measured_on: dict[str, Any], measured: list[PairTimes]) -> None:
    content = {
        "machine": measured_on,
        "settings": {
            "ways": [way.name for way in plan.ways],
            "batches": plan.batches,
            "size": plan.size,
            "rounds": plan.rounds,
            "threads": plan.threads,
            "device": plan.device,
            "turn_s": plan.turn_s,
        },
        "pairs": [pair_summary(times) for times in measured],
    }
    write_whole(out / JSON_FILE, json.dumps(content, indent=1) + "\n")
    write_whole(out / TABLE_FILE, _text(measured) + "\n")
    title = f"{plan.size} px, {plan.threads} threads ({measured_on['processor']})"
    draw(measured, title, out / PLOT_FILE)
