"""`groupnl bench models`: GroupNL networks beside their twins, in every form, engine and batch size."""

import argparse
import json
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from groupnl.base.atomic_file import write_whole
from groupnl.base.cores import usable_cores
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device
from groupnl.inference.ways import possible_ways, speed_ways
from groupnl.models import PUBLISHED, VARIANTS
from groupnl_studies.harness.machine import machine
from groupnl_studies.harness.own_process import in_a_process
from groupnl_studies.models.figures import pair_summary
from groupnl_studies.models.pair import Pair, PairTimes, Plan, measure_pair
from groupnl_studies.models.plot import draw
from groupnl_studies.models.table import tables

JSON_FILE, PLOT_FILE, TABLE_FILE = "bench-models.json", "bench-models.svg", "bench-models-tables.md"
DEFAULT_MODELS = (
    *("efficientnet_gnl_es", "mobilenetv2_gnl_100", "mobilenetv3_gnl_large_100", "efficientnet_gnl_b0"),
    *("efficientnet_gnl_lite0", "efficientnetv2_gnl_s", "gnl_resnet101", "gnl_std_r4_resnet101"),
)


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
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="(%(default)s)")
    add("--cache", type=Path, metavar="DIR", help="keeps compiled networks for the next run (a temporary folder)")
    add("--out", type=Path, required=True, metavar="DIR", help="for figures, tables and picture; made if missing")


def run(args: argparse.Namespace) -> int:
    """Measure pair after pair; the files are written anew after each, so that an interrupted run leaves what it has.

    Raises:
        ConfigError: an option that cannot be used.
        RewriteError: a network cannot be compiled, or a way computes something else.
    """
    _check(args)
    pairs = _pairs(args)
    measured_on = machine()
    args.out.mkdir(parents=True, exist_ok=True)
    measured: list[PairTimes] = []
    with _folder(args.cache) as cache:
        plan = _plan(args, Path(cache))
        for number, pair in enumerate(pairs, 1):
            print(f"{number} of {len(pairs)}: {pair.model} beside {pair.twin}", file=sys.stderr, flush=True)
            measured.append(in_a_process(measure_pair, pair, plan))
            _write(args.out, plan, measured_on, measured)
    print(tables(measured))
    return 0


def _plan(args: argparse.Namespace, cache: Path) -> Plan:
    device = choose_device(args.device)
    return Plan(
        ways=tuple(possible_ways(args.engines, speed_ways(device), device)),
        batches=tuple(sorted(set(args.batches))),
        size=args.size,
        rounds=args.rounds,
        threads=args.threads or usable_cores(),
        device=device.type,
        cache=cache,
    )


def _check(args: argparse.Namespace) -> None:
    least = {"--rounds": args.rounds, "--batches": min(args.batches), "--threads": args.threads}
    for option, value in least.items():
        if value is not None and value < 1:
            raise ConfigError(f"{option} {value}: it must be 1 or more")
    if not 32 <= args.size <= 1024:
        raise ConfigError(f"--size {args.size}: it must be from 32 to 1024 pixels")
    if args.all and args.models:
        raise ConfigError("--all and --models exclude each other: give one of them")


def _pairs(args: argparse.Namespace) -> list[Pair]:
    names = [variant.name for variant in PUBLISHED] if args.all else (args.models or DEFAULT_MODELS)
    if unknown := [name for name in names if name not in VARIANTS]:
        raise ConfigError(f"--models {unknown[0]}: it is no GroupNL network; `groupnl models` lists them")
    return [Pair(name, VARIANTS[name].twin) for name in dict.fromkeys(names)]


def _folder(cache: Path | None) -> "tempfile.TemporaryDirectory[str] | nullcontext[Path]":
    return nullcontext(cache) if cache else tempfile.TemporaryDirectory(prefix="groupnl-bench-")


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
    write_whole(out / TABLE_FILE, tables(measured) + "\n")
    title = f"{plan.size} px, {plan.threads} threads ({measured_on['processor']})"
    draw(measured, title, out / PLOT_FILE)
