"""`groupnl study statistics`: what the verdicts, intervals and alerts promise, tried on simulated traffic."""

import argparse
import json
import sys
import zlib
from pathlib import Path

import numpy as np
from pydantic import Field, NonNegativeInt

from groupnl.base.atomic_file import write_whole
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl_studies.harness.options import NewFile
from groupnl_studies.statistics.finding import Finding, table
from groupnl_studies.statistics.stream import Stream
from groupnl_studies.statistics.streams import STREAMS

_NAMES = [stream.name for stream in STREAMS]


class Options(BaseOptions):
    """What `groupnl study statistics` simulates.

    Attributes:
        only: names of streams; None: all.
        runs: simulated histories of each case; None: what each stream has.
        seed: of all random numbers.
        json_file: for all figures.
    """

    only: list[str] | None
    runs: Positive | None
    seed: NonNegativeInt
    json_file: NewFile | None = Field(alias="json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study statistics`."""
    add = parser.add_argument
    add("--only", nargs="+", choices=_NAMES, metavar="NAME", help=f"of {', '.join(_NAMES)} (all)")
    add("--runs", type=int, metavar="N", help="simulated histories of each case (what each stream has)")
    add("--seed", type=int, default=0, metavar="N", help="of all random numbers (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write all figures")


def run(options: Options) -> int:
    """Simulate, print a table for each stream, write the figures.

    Returns:
        1 if a figure is not what is wanted of it.
    """
    found: dict[str, list[Finding]] = {}
    for stream in STREAMS:
        if options.only is None or stream.name in options.only:
            found[stream.name] = _simulate(stream, options)
            print(table(f"{stream.name}: {stream.summary}", found[stream.name]), end="\n\n", flush=True)
    if options.json_file:
        write_whole(options.json_file, json.dumps(_content(options, found), indent=2) + "\n")
    return int(any(each.passes is False for findings in found.values() for each in findings))


def _simulate(stream: Stream, options: Options) -> list[Finding]:
    # A stream's numbers do not depend on which others run.
    rng = np.random.default_rng([options.seed, zlib.crc32(stream.name.encode())])
    runs = options.runs or stream.runs
    print(f"{stream.name}: {stream.summary}, {runs} runs of each case", file=sys.stderr, flush=True)
    return list(stream.simulate(runs, rng))


def _content(options: Options, found: dict[str, list[Finding]]) -> dict[str, object]:
    streams = {name: [each._asdict() | {"passes": each.passes} for each in all_] for name, all_ in found.items()}
    return {"seed": options.seed, "runs": options.runs, "streams": streams}
