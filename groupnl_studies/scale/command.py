"""`groupnl study scale`: what a Prometheus needs for 10, 100, 1000 replicas of a service."""

import argparse
import json
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Annotated

from pydantic import Field

from groupnl.base.addresses import Url
from groupnl.base.atomic_file import write_whole
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.errors import ConfigError, ServerError
from groupnl.metrics import DETAILS, Detail
from groupnl_studies.harness.machine import machine
from groupnl_studies.harness.options import Seconds
from groupnl_studies.scale.page import in_detail
from groupnl_studies.scale.prometheus import program
from groupnl_studies.scale.run import Line, Load, Need, measure

_MIB = 2**20


class Options(BaseOptions):
    """What `groupnl study scale` measures.

    Attributes:
        metrics: address of a running service's metrics, with the series that its replicas will have.
        details: how much of them the replicas show, one after the other.
        replicas: how many are played.
        told: numbers for which the needs are computed from those.
        prometheus: its program; None: the one on the path.
        rules: folder of rule files; None: Prometheus scrapes only.
        interval: seconds between two scrapes.
        seconds: that each number of replicas is scraped.
        json_file: for the figures; None: only the table is printed.
    """

    metrics: Url
    details: tuple[Detail, ...]
    replicas: Annotated[tuple[Positive, ...], Field(min_length=2)]
    told: tuple[Positive, ...]
    prometheus: Path | None
    rules: Path | None
    interval: Seconds
    seconds: Seconds
    json_file: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study scale`."""
    add = parser.add_argument
    usual = "http://127.0.0.1:8083/metrics"
    add("--metrics", default=usual, metavar="URL", help="of a running service, whose replicas are played (%(default)s)")
    add(
        "--metrics-detail",
        nargs="+",
        choices=DETAILS,
        default=["cells"],
        dest="details",
        help="as of groupnl serve; several are measured one after the other (cells)",
    )
    add("--replicas", type=int, nargs="+", default=[5, 10, 20, 40], metavar="N", help="that are played (5 10 20 40)")
    add("--told", type=int, nargs="+", default=[10, 100, 1000], metavar="N", help="extrapolated to (10 100 1000)")
    add("--prometheus", type=Path, metavar="FILE", help="its program (the one on the path)")
    add(
        "--rules", type=Path, metavar="DIR", help="rule files that it computes as well, serving_config/prometheus/rules"
    )
    add("--interval", type=float, default=15.0, metavar="S", help="between two scrapes (%(default)g)")
    add("--seconds", type=float, default=120.0, metavar="S", help="for each number of replicas (%(default)g)")
    add("--json", type=Path, dest="json_file", metavar="FILE", help="for the figures")


def run(options: Options) -> int:
    """Measure, and print the table.

    Raises:
        ConfigError: there is no Prometheus, or an option cannot be used.
        ServerError: nobody shows metrics, or a Prometheus does not start.
    """
    if len({*options.replicas}) < 2:
        raise ConfigError(f"--replicas {options.replicas[0]}: two different numbers are needed for a slope")
    binary = program(options.prometheus)
    if options.rules is not None and not options.rules.is_dir():
        raise ConfigError(f"--rules {options.rules} is no folder")
    whole = _read(options.metrics)
    found = {}
    for detail in options.details:
        text = in_detail(whole, detail)
        needs = _needs(text, binary, options)
        found[detail] = {"page_bytes": len(text), "needs": [need._asdict() for need in needs]}
        print(f"--metrics-detail {detail}, {_table(needs, len(text), options)}\n", flush=True)
    if options.json_file is not None:
        content = {"machine": machine(), "interval_s": options.interval, "details": found}
        write_whole(options.json_file, json.dumps(content, indent=1) + "\n")
    return 0


def _needs(text: bytes, binary: Path, options: Options) -> list[Need]:
    """Of each number of replicas that show this page."""
    with tempfile.TemporaryDirectory(prefix="groupnl-scale-") as place:
        page = Path(place) / "page.txt"
        page.write_bytes(text)
        load = Load(binary, page, options.rules, options.interval, options.seconds)
        needs = []
        for number in options.replicas:
            print(f"{number} replicas, {options.seconds:g} s", file=sys.stderr, flush=True)
            needs.append(measure(load, number, Path(place) / str(number)))
    return needs


def _read(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 (a `Url`)
            return bytes(answer.read())
    except OSError as error:
        raise ServerError(f"{url} shows no metrics ({error}): start a service, and name it with --metrics") from None


def _table(needs: list[Need], size: int, options: Options) -> str:
    numbers = [need.replicas for need in needs]
    memory = Line.through(numbers, [need.memory for need in needs])
    cores = Line.through(numbers, [need.cores for need in needs])
    series = Line.through(numbers, [need.series for need in needs])
    rules = Line.through(numbers, [need.rules_s for need in needs])
    one = needs[0].samples // needs[0].replicas
    head = f"a scrape of one replica: {one} series, {size / 1024:.0f} KiB; every {options.interval:g} s"
    lines = [head, "", "| replicas | series | memory, MiB | cores | all rules once, s |", "|---|---|---|---|---|"]
    lines += [
        f"| {need.replicas} | {need.series} | {need.memory / _MIB:.0f} | {need.cores:.2f} | {need.rules_s:.2f} |"
        for need in needs
    ]
    lines += [
        f"| {number}, by the slope | {series.at(number):.0f} | {memory.at(number) / _MIB:.0f} "
        f"| {cores.at(number):.2f} | {rules.at(number):.2f} |"
        for number in options.told
    ]
    lines += ["", f"each replica: {series.each:.0f} series, {memory.each / _MIB:.1f} MiB, {cores.each:.4f} cores"]
    return "\n".join(lines)
