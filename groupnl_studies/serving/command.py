"""`groupnl bench serve`: our service, other servers and no server at all on the same images."""

import argparse
import functools
import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from groupnl.archive.speed.table import speed_table
from groupnl.base.atomic_file import write_whole
from groupnl.base.cores import usable_cores
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.others import others_in_words
from groupnl.base.picture import check_drawing, named_as_picture
from groupnl.base.yaml_file import read_mapping
from groupnl.inference.engine_names import EngineName
from groupnl_studies.harness.machine import machine
from groupnl_studies.harness.options import NewFile, Seconds
from groupnl_studies.harness.photographs import jpeg_files
from groupnl_studies.serving.figures import OURS, Round, summary, table
from groupnl_studies.serving.offline import modes
from groupnl_studies.serving.others.service import OTHERS, check_installed
from groupnl_studies.serving.plan import OtherSettings, Plan
from groupnl_studies.serving.plot import draw
from groupnl_studies.serving.run import Measured, measure
from groupnl_studies.serving.stock import StockSettings


class Options(BaseOptions):
    """What `groupnl bench serve` measures.

    Attributes:
        archive: ours; None: a new one with random weights.
        architecture: of that new one, timm name.
        engine: of that new one.
        images: folder of JPEG files to send; None: generated ones.
        clients: numbers of connections.
        rounds: how many.
        seconds: of each load.
        serve_config: our service's configuration file.
        no_stock: leave out TorchServe's own classifier.
        stock_workers: its worker processes; None, here and below: TorchServe's default.
        stock_batch_size: its most requests in a batch.
        stock_batch_delay_ms: its longest wait for others.
        others: names of other servers.
        other_workers: worker processes of each of them; None: the cores.
        json_file: for all figures.
        plot: picture.
    """

    archive: Path | None
    architecture: str
    engine: EngineName
    images: Path | None
    clients: tuple[Positive, ...]
    rounds: Positive
    seconds: Seconds
    serve_config: Path | None
    no_stock: bool
    stock_workers: Positive | None
    stock_batch_size: Positive | None
    stock_batch_delay_ms: Positive | None
    others: tuple[str, ...]
    other_workers: int | None
    json_file: NewFile | None = Field(alias="json")
    plot: Annotated[NewFile, AfterValidator(named_as_picture)] | None

    @model_validator(mode="after")
    def _others_have_workers(self) -> Self:
        if self.other_workers is not None and self.other_workers < 1:
            raise ValueError("--other-workers must be 1 or more")
        return self


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl bench serve`."""
    add = parser.add_argument
    add("archive", type=Path, nargs="?", help="224 pixels, or --no-stock (a new one of --architecture)")
    add("--architecture", default="efficientnet_gnl_es", metavar="NAME", help="with random weights (%(default)s)")
    add("--engine", default="aot", choices=get_args(EngineName), help="of that archive (%(default)s)")
    add("--images", type=Path, metavar="DIR", help="JPEG files to send (generated ones, 640 x 480)")
    add("--clients", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64], metavar="N", help="(1 2 4 8 16 32 64)")
    add("--rounds", type=int, default=5, metavar="N", help="(%(default)s)")
    add("--seconds", type=float, default=4.0, metavar="S", help="of each load (%(default)g)")
    add("--serve-config", type=Path, metavar="FILE", help="our service's, as for `groupnl serve --config`")
    add("--no-stock", action="store_true", help="leave out TorchServe's image_classifier")
    add("--stock-workers", type=int, metavar="N", help="its worker processes (TorchServe's default: the cores)")
    add("--stock-batch-size", type=int, metavar="N", help="its most requests in a batch (TorchServe's default: 1)")
    add(
        "--stock-batch-delay-ms", type=int, metavar="MS", help="its longest wait for others (TorchServe's default: 100)"
    )
    add(
        "--others",
        nargs="+",
        default=[],
        choices=OTHERS,
        metavar="NAME",
        help=f"measured too: {', '.join(OTHERS)} (none)",
    )
    add("--other-workers", type=int, metavar="N", help="worker processes of each of them (the cores)")
    add("--json", type=Path, metavar="FILE", help="write all figures")
    add("--plot", type=Path, metavar="FILE", help="write a picture, .svg or .png")


def run(options: Options) -> int:
    """Measure, print the tables, write the figures and the picture.

    Raises:
        ArchiveError: the archive is missing or damaged.
        ConfigError: an option that cannot be used.
        ServerError: a service cannot be started, ended, or gave no answer.
    """
    check_installed(options.others)
    if options.plot:
        check_drawing()
    with tempfile.TemporaryDirectory(prefix="groupnl-bench-") as folder:
        plan = _plan(options, Path(folder))
        measured_on = machine()
        measured = measure(plan, functools.partial(print, file=sys.stderr, flush=True))
    print(_heading(plan, measured_on))
    print(_aside(plan, measured))
    print(table(measured.rounds))
    print(f"\n{speed_table(measured.speeds)}")
    print(f"\n{others_in_words(measured.others)}")
    if options.json_file:
        content = _content(plan, measured_on, measured)
        write_whole(options.json_file, json.dumps(content, indent=2) + "\n")
    if options.plot:
        draw(measured.rounds, _heading(plan, measured_on), options.plot)
    return 0


def _plan(options: Options, folder: Path) -> Plan:
    return Plan(
        archive=options.archive or _random_archive(options.architecture, options.engine, folder),
        files=jpeg_files(options.images),
        clients=sorted(set(options.clients)),
        rounds=options.rounds,
        seconds=options.seconds,
        modes=modes(usable_cores()),
        stock=None if options.no_stock else _stock(options),
        settings=read_mapping(options.serve_config) if options.serve_config else {},
        others=OtherSettings(tuple(dict.fromkeys(options.others)), options.other_workers or usable_cores()),
    )


def _random_archive(architecture: str, engine: EngineName, folder: Path) -> Path:
    from groupnl_studies.serving.archive import random_archive  # torch and timm take seconds

    return random_archive(architecture, engine, folder)


def _stock(options: Options) -> StockSettings:
    return StockSettings(options.stock_workers, options.stock_batch_size, options.stock_batch_delay_ms)


def _heading(plan: Plan, measured_on: dict[str, Any]) -> str:
    kilobytes = sum(map(len, plan.files)) / len(plan.files) / 1000
    return (
        f"{plan.archive.stem}: {len(plan.files)} JPEG files of {kilobytes:.0f} kB on average, "
        f"{measured_on['cores']} cores ({measured_on['processor']}), {plan.rounds} rounds of {plan.seconds:g} s"
    )


def _aside(plan: Plan, measured: Measured) -> str:
    idle = ", ".join(f"{name} {share:.1%}" for name, share in measured.idle.items())
    engines = f"the offline limit is of the engine {measured.engine}, the fastest; {OURS} runs {measured.served_engine}"
    used = f"{engines}; of a core, used while nobody asks: {idle}"
    if len(measured.idle) == 1:
        return used
    return f"first class the same from all services: {measured.same_answers} of {len(plan.files)} files; {used}"


def _content(plan: Plan, measured_on: dict[str, Any], measured: Measured) -> dict[str, Any]:
    return {
        "machine": measured_on,
        "settings": {
            "archive": plan.archive.name,
            "files": len(plan.files),
            "file_bytes": sum(map(len, plan.files)) / len(plan.files),
            "clients": list(plan.clients),
            "rounds": plan.rounds,
            "seconds": plan.seconds,
            "serve": dict(plan.settings),
            "stock": plan.stock._asdict() if plan.stock else None,
            "others": plan.others._asdict(),
        },
        "engine": measured.engine,
        "served_engine": measured.served_engine,
        "engines": measured.speeds.model_dump(mode="json"),
        "idle_cores": measured.idle,
        "others": measured.others,
        "same_answers": measured.same_answers,
        "summary": summary(measured.rounds),
        "rounds": [_round_content(each) for each in measured.rounds],
    }


def _round_content(each: Round) -> dict[str, Any]:
    return {
        "offline": {mode: found._asdict() for mode, found in each.offline.items()},
        "served": {
            name: {str(clients): found._asdict() for clients, found in slots.items()}
            for name, slots in each.served.items()
        },
    }
