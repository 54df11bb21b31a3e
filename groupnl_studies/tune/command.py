"""`groupnl tune`: batch size, delay and workers chosen by measurement on this machine."""

import argparse
import json
from pathlib import Path
from typing import Any

from tqdm import tqdm

from groupnl.archive.read import read_manifest
from groupnl.base.cores import usable_cores
from groupnl.errors import ConfigError
from groupnl.server.store import MOST
from groupnl_studies.harness.machine import machine
from groupnl_studies.harness.photographs import jpeg_files
from groupnl_studies.tune.output import content, others, serve_config, table
from groupnl_studies.tune.plot import draw
from groupnl_studies.tune.run import Plan, tune
from groupnl_studies.tune.search import Axes, Candidate, Figures, Step

BATCH_SIZES = (1, 2, 4, 8, 16, 32)
DELAYS_MS = (1, 2, 5, 10)
BUSY_CORES = 0.1  # more than that, used by other programs, makes the figures doubtful
_SUFFIXES = (".yaml", ".yml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl tune`."""
    add = parser.add_argument
    add("archive", type=Path, metavar="MODEL.mar", help="of `groupnl archive`")
    add("--images", type=Path, metavar="DIR", help="JPEG files to send (generated ones, 640 x 480)")
    add("--clients", type=int, default=32, metavar="N", help="that keep the service saturated (%(default)s)")
    add("--seconds", type=float, default=8.0, metavar="S", help="of the saturated load (%(default)g)")
    add("--rounds", type=int, default=3, metavar="N", help="measurements of each setting (%(default)s)")
    add("--workers", type=int, nargs="+", metavar="N", help="to try (1, 2, 4 and so on up to the usable cores)")
    add("--batch-sizes", type=int, nargs="+", default=BATCH_SIZES, metavar="N", help=f"to try {BATCH_SIZES}")
    add("--delays-ms", type=int, nargs="+", default=DELAYS_MS, metavar="MS", help=f"to try {DELAYS_MS}")
    add("--out", type=Path, default=Path("tune.yaml"), metavar="FILE.yaml", help="the choice; beside it .json and .svg")


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, write the choice, the figures and the picture.

    Raises:
        ArchiveError: the archive is missing or damaged.
        ConfigError: an option that cannot be used.
        ServerError: a service cannot be started, ended, or gave no answer.
    """
    plan = _plan(args)
    measured_on = machine()
    steps = _tune(plan)
    heading = _heading(plan, measured_on)
    busy = f"cores that other programs used meanwhile, on average: {others(steps):.2f}{_advice(others(steps))}"
    print(f"{heading}\n\n{table(steps, plan.clients)}\n\n{busy}")
    config = serve_config(steps[-1].chosen, (heading, busy))
    args.out.write_text(config, encoding="utf-8")
    everything = {"machine": measured_on, "settings": _settings(plan), **content(steps)}
    args.out.with_suffix(".json").write_text(json.dumps(everything, indent=2) + "\n", encoding="utf-8")
    draw(steps, heading, args.out.with_suffix(".svg"))
    print(f"{args.out}:\n{config}")
    return 0


def worker_counts(cores: int) -> list[int]:
    """Numbers of workers to try: doubled up to the number of cores, and that number."""
    doubled = (2**power for power in range(cores.bit_length()))
    return sorted({*doubled, cores})


def _tune(plan: Plan) -> list[Step]:
    with tqdm(total=plan.rounds * plan.axes.measurements, desc="tune", unit="service") as bar:

        def done(candidate: Candidate, figures: Figures) -> None:
            rate, wait = figures.saturated.throughput, figures.alone.p50_ms
            bar.set_postfix_str(f"{candidate}: {rate:.0f}/s, {wait:.1f} ms", refresh=False)
            bar.update()

        return tune(plan, done)


def _plan(args: argparse.Namespace) -> Plan:
    _check(args)
    read_manifest(args.archive)
    return Plan(
        archive=args.archive,
        files=jpeg_files(args.images),
        axes=Axes(*map(_ascending, (args.workers or worker_counts(usable_cores()), args.batch_sizes, args.delays_ms))),
        clients=args.clients,
        rounds=args.rounds,
        seconds=args.seconds,
    )


def _ascending(values: list[int]) -> list[int]:
    return sorted(set(values))


def _check(args: argparse.Namespace) -> None:
    if min(args.rounds, args.clients) < 1 or args.seconds <= 0:
        raise ConfigError("--rounds and --clients must be 1 or more, and --seconds above 0")
    values = (*(args.workers or ()), *args.batch_sizes)
    if min(*values, *args.delays_ms) < 1 or max(values) > MOST:
        raise ConfigError(
            f"--workers, --batch-sizes and --delays-ms must be 1 or more, and the first two at most {MOST}"
        )
    if args.out.suffix not in _SUFFIXES:
        raise ConfigError(f"--out {args.out}: the name must end in {' or '.join(_SUFFIXES)}")
    if not args.out.parent.is_dir():  # before minutes of measuring
        raise ConfigError(f"{args.out}: there is no folder {args.out.parent}; make it first")


def _heading(plan: Plan, measured_on: dict[str, Any]) -> str:
    kilobytes = sum(map(len, plan.files)) / len(plan.files) / 1000
    return (
        f"{plan.archive.stem}, {len(plan.files)} JPEG files of {kilobytes:.0f} kB on average, {plan.clients} clients, "
        f"{measured_on['cores']} cores ({measured_on['processor']}), {plan.rounds} rounds of {plan.seconds:g} s"
    )


def _advice(others: float) -> str:
    return "; measure again when the machine is quiet" if others > BUSY_CORES else ""


def _settings(plan: Plan) -> dict[str, Any]:
    return {
        "archive": plan.archive.name,
        "files": len(plan.files),
        "file_bytes": sum(map(len, plan.files)) / len(plan.files),
        "clients": plan.clients,
        "rounds": plan.rounds,
        "seconds": plan.seconds,
    }
