"""`groupnl bench shadow`: services with and without shadow requests under the same load, in one run."""

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.others import Others, others_in_words
from groupnl.errors import ConfigError
from groupnl.server.command import SAMPLE_IMAGE
from groupnl_studies.harness.client import Request
from groupnl_studies.harness.load import LoadProcess
from groupnl_studies.harness.options import Seconds
from groupnl_studies.harness.scrape import Scrape
from groupnl_studies.harness.service import RunningService, shadow_settings
from groupnl_studies.shadow_cost.run import (
    OPEN_LOOP_LOAD,
    SERVED_SHARE,
    VARIANTS,
    Load,
    Round,
    at_rate,
    keyed,
    rotated,
    saturated,
    shadows_done,
    slot,
    table,
)

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


class Options(BaseOptions):
    """What `groupnl bench shadow` measures.

    Attributes:
        model: archive in the model store.
        model_store: folder of archives.
        rounds: in each of which every variant is asked once.
        seconds: of each load.
        clients: connections of the saturated load.
        images: a file, or a folder of files, to send.
    """

    model: str
    model_store: Path
    rounds: Positive
    seconds: Seconds
    clients: Positive
    images: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl bench shadow`."""
    add = parser.add_argument
    add("--model", default="gnl_effnet_es", metavar="NAME", help="archive in the model store (%(default)s)")
    add("--model-store", type=Path, default=Path("model_store"), metavar="DIR", help="(%(default)s)")
    add("--rounds", type=int, default=6, metavar="N", help="(%(default)s)")
    add("--seconds", type=float, default=5.0, metavar="S", help="of each load; two a variant and round (%(default)g)")
    add("--clients", type=int, default=16, metavar="N", help="connections of the saturated load (%(default)s)")
    add("--images", type=Path, default=SAMPLE_IMAGE, metavar="FILE|DIR", help="what is sent (%(default)s)")


def run(options: Options) -> int:
    """Measure, and print the table.

    Raises:
        ConfigError: an option that cannot be used.
        ServerError: a service cannot be started, or ended.
    """
    requests = _requests(options.images, options.model)
    loads = {
        name: Load(keyed(requests, each.tenths), options.clients, options.seconds) for name, each in VARIANTS.items()
    }
    done: dict[str, list[str]] = {name: [] for name in VARIANTS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="groupnl-bench-")))
        process = stack.enter_context(LoadProcess())
        servers = {
            name: stack.enter_context(_service(folder / name, options, share))
            for name, share in (("on", SERVED_SHARE), ("off", 0.0))
        }
        for service in servers.values():
            service.wait_until_ready()
        services = {name: servers[each.service] for name, each in VARIANTS.items()}
        rate = OPEN_LOOP_LOAD * _warm(services, process, loads)
        others = Others()
        rounds = [_round(services, process, loads, rate, number, done) for number in range(options.rounds)]
        busy = others_in_words(others.cores())
    work = f"{options.rounds} rounds of {options.seconds:g} s; {options.clients} clients when saturated"
    print(f"{work}; half load: {rate:.0f}/s")
    print(table(rounds))
    print(f"\n{busy}")
    for name in ("10 %", "100 %"):
        print(f"shadows of {name}, saturated, by round: {'; '.join(done[name])}")
    return 0


def _service(folder: Path, options: Options, share: float) -> RunningService:
    return RunningService(folder, [options.model], {"model_store": str(options.model_store), **shadow_settings(share)})


def _warm(services: dict[str, RunningService], process: LoadProcess, loads: dict[str, Load]) -> float:
    """Load each variant once, which is not counted; returns the median of their answers a second."""
    outcomes = {name: saturated(service, process, loads[name]) for name, service in services.items()}
    return statistics.median(outcome.throughput for outcome in outcomes.values())


def _round(
    services: dict[str, RunningService],
    process: LoadProcess,
    loads: dict[str, Load],
    rate: float,
    number: int,
    done: dict[str, list[str]],
) -> Round:
    order = rotated(list(services), number)
    full = {}
    for name in order:
        before = Scrape.of(services[name])
        full[name] = saturated(services[name], process, loads[name])
        done[name].append(shadows_done(before, Scrape.of(services[name])))
    half = {name: at_rate(services[name], process, loads[name], rate, seed=number) for name in order}
    slots = {name: slot(full[name], half[name]) for name in services}
    for name, each in slots.items():
        print(
            f"round {number + 1}, {name}: {each.throughput:.1f}/s, p50 {each.p50_ms:.1f} ms, p99 {each.p99_ms:.1f} ms",
            file=sys.stderr,
        )
    return slots


def _requests(images: Path, model: str) -> list[Request]:
    files = (
        [images] if images.is_file() else sorted(path for path in images.rglob("*") if path.suffix.lower() in _SUFFIXES)
    )
    if not files:
        raise ConfigError(f"--images {images}: there is no image; name a file, or a folder of JPEG or PNG files")
    return [Request(f"/predictions/{model}", path.read_bytes()) for path in files]
