"""`groupnl tune`: workers, engine, threads, batch size and delay chosen by measurement on this machine."""

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator

from groupnl.archive.model_config import MOST
from groupnl.archive.read import CONFIG_FILE, read_manifest, unpack
from groupnl.archive.speed.speeds import read_speeds
from groupnl.base.atomic_file import write_whole
from groupnl.base.cores import usable_cores, whole_cores
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.others import others_in_words
from groupnl.base.progress import progress
from groupnl.base.yaml_file import read_mapping
from groupnl.inference.engine_names import AUTO, EngineName
from groupnl.inference.engines.table import engine_kind
from groupnl_studies.harness.machine import machine
from groupnl_studies.harness.options import NewFile, Seconds
from groupnl_studies.harness.photographs import jpeg_files
from groupnl_studies.tune.output import content, others, serve_config, table
from groupnl_studies.tune.plot import draw
from groupnl_studies.tune.run import Plan, tune
from groupnl_studies.tune.search import Axes, Candidate, Figures, Step

BATCH_SIZES = (1, 2, 4, 8, 16, 32)
DELAYS_MS = (1, 2, 5, 10)
_SUFFIXES = (".yaml", ".yml")


def _not_above_most(value: int) -> int:
    if value > MOST:
        raise ValueError(f"it must be at most {MOST}")
    return value


def _yaml_file(path: Path) -> Path:
    if path.suffix not in _SUFFIXES:
        raise ValueError(f"the name must end in {' or '.join(_SUFFIXES)}")
    return path


_Setting = Annotated[Positive, AfterValidator(_not_above_most)]


class Options(BaseOptions):
    """What `groupnl tune` measures.

    Attributes:
        archive: of `groupnl archive`.
        images: folder of JPEG files to send; None: generated ones.
        clients: that keep the service saturated.
        seconds: of the saturated load.
        rounds: measurements of each setting.
        workers: to try; None: what suits the cores.
        batch_sizes: to try.
        delays_ms: to try.
        engines: to try; None: those of the archive that packing has timed, where it leaves the engine open.
        threads: most of a batch, to try; None: one, and all cores.
        out: file for the choice; figures and picture are written beside it.
    """

    archive: Path
    images: Path | None
    clients: Positive
    seconds: Seconds
    rounds: Positive
    workers: tuple[_Setting, ...] | None
    batch_sizes: tuple[_Setting, ...]
    delays_ms: tuple[Positive, ...]
    engines: tuple[EngineName, ...] | None
    threads: tuple[Positive, ...] | None
    out: Annotated[NewFile, AfterValidator(_yaml_file)]


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
    add("--engines", nargs="+", choices=get_args(EngineName), metavar="NAME", help="to try (all that packing timed)")
    add("--threads", type=int, nargs="+", metavar="N", help="most of a batch, to try (1, and all cores)")
    add("--out", type=Path, default=Path("tune.yaml"), metavar="FILE.yaml", help="the choice; beside it .json and .svg")


def run(options: Options) -> int:
    """Measure, print the table, write the choice, the figures and the picture.

    Raises:
        ArchiveError: the archive is missing or damaged.
        ConfigError: an option that cannot be used.
        ServerError: a service cannot be started, ended, or gave no answer.
    """
    plan = _plan(options)
    measured_on = machine()
    steps = _tune(plan)
    heading = _heading(plan, measured_on)
    busy = others_in_words(others(steps))
    print(f"{heading}\n\n{table(steps, plan.clients)}\n\n{busy}")
    config = serve_config(steps[-1].chosen, (heading, busy))
    write_whole(options.out, config)
    everything = {"machine": measured_on, "settings": _settings(plan), **content(steps)}
    write_whole(options.out.with_suffix(".json"), json.dumps(everything, indent=2) + "\n")
    draw(steps, heading, options.out.with_suffix(".svg"))
    print(f"{options.out}:\n{config}")
    return 0


def worker_counts(cores: int) -> list[int]:
    """Numbers of workers to try: doubled up to the number of cores, and that number."""
    doubled = (2**power for power in range(cores.bit_length()))
    return sorted({*doubled, cores})


def _tune(plan: Plan) -> list[Step]:
    with progress(total=plan.rounds * plan.axes.measurements, title="tune", unit="services") as bar:

        def done(candidate: Candidate, figures: Figures) -> None:
            rate, wait = figures.saturated.throughput, figures.alone.p50_ms
            bar.set_postfix_str(f"{candidate}: {rate:.0f}/s, {wait:.1f} ms", refresh=False)
            bar.update()

        return tune(plan, done)


def _plan(options: Options) -> Plan:
    read_manifest(options.archive)
    return Plan(
        archive=options.archive,
        files=jpeg_files(options.images),
        axes=Axes(
            workers=_ascending(options.workers or worker_counts(usable_cores())),
            batch_size=_ascending(options.batch_sizes),
            max_batch_delay_ms=_ascending(options.delays_ms),
            engine=list(dict.fromkeys(options.engines or timed_engines(options.archive))) or [None],
            threads=_ascending(options.threads or (1, whole_cores())),
        ),
        clients=options.clients,
        rounds=options.rounds,
        seconds=options.seconds,
    )


def timed_engines(archive: Path) -> list[EngineName]:
    """The engines that packing has timed, the fastest first, where the archive leaves the engine open.

    Without that which runs what nothing else can: it is several times as slow.
    """
    with tempfile.TemporaryDirectory(prefix="groupnl-tune-") as place:
        folder = Path(place) / "unpacked"
        unpack(archive, folder)
        speeds = read_speeds(folder)
        is_open = read_mapping(folder / CONFIG_FILE).get("handler", {}).get("engine") == AUTO
    ranking = speeds.ranking() if speeds and is_open else []
    return [name for name in ranking if engine_kind(name).has_files]


def _ascending(values: Iterable[int]) -> list[int]:
    return sorted(set(values))


def _heading(plan: Plan, measured_on: dict[str, Any]) -> str:
    kilobytes = sum(map(len, plan.files)) / len(plan.files) / 1000
    return (
        f"{plan.archive.stem}, {len(plan.files)} JPEG files of {kilobytes:.0f} kB on average, {plan.clients} clients, "
        f"{measured_on['cores']} cores ({measured_on['processor']}), {plan.rounds} rounds of {plan.seconds:g} s"
    )


def _settings(plan: Plan) -> dict[str, Any]:
    return {
        "archive": plan.archive.name,
        "files": len(plan.files),
        "file_bytes": sum(map(len, plan.files)) / len(plan.files),
        "clients": plan.clients,
        "rounds": plan.rounds,
        "seconds": plan.seconds,
    }
