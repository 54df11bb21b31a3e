"""`groupnl study engines`: whether `--engine auto` takes the fastest way, for GroupNL networks and their twins."""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from pydantic import Field, ValidationError

from groupnl.archive.model_config import UpToMost
from groupnl.archive.speed.machine import Machine
from groupnl.base import environment
from groupnl.base.atomic_file import write_whole
from groupnl.base.cores import usable_cores
from groupnl.base.environment import Instructions
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.others import others_in_words
from groupnl.errors import ConfigError
from groupnl.models import PUBLISHED, VARIANTS
from groupnl_studies.engines.figures import choice, misses, over_twin
from groupnl_studies.engines.narrow_onnxruntime import without_avx512
from groupnl_studies.engines.rates import Load, NetworkRates, PairRates, Settings
from groupnl_studies.engines.run import measure_pair
from groupnl_studies.engines.table import tables
from groupnl_studies.harness.options import Seconds
from groupnl_studies.harness.own_process import in_a_process
from groupnl_studies.harness.quota import why_no_quota

JSON_FILE, TABLE_FILE, PAIRS_FOLDER = "engines.json", "engines.md", "pairs"
_LESS = 0.5  # cores, in the quota


class Options(BaseOptions):
    """What `groupnl study engines` measures.

    Attributes:
        networks: GroupNL networks; None: all fifteen.
        size: side of the input, pixels.
        batch_size: images in a full batch.
        workers: processes; None: as many as cores.
        rounds: how often everything is measured.
        seconds: of each measurement.
        isa: the vector instructions that libraries may use; None: all.
        out: folder for figures and tables; made if missing. Pairs that it has already are not measured again.
    """

    networks: tuple[str, ...] | None
    size: int = Field(ge=32, le=1024)
    batch_size: UpToMost
    workers: UpToMost | None
    rounds: Positive
    seconds: Seconds
    isa: Instructions | None
    out: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study engines`."""
    add = parser.add_argument
    add("--networks", nargs="+", metavar="NAME", help="GroupNL networks; their twins come along (all fifteen)")
    add("--size", type=int, default=224, metavar="S", help="side of the input, pixels (%(default)s)")
    add("--batch-size", type=int, default=8, metavar="N", help="images in a full batch (%(default)s)")
    add("--workers", type=int, metavar="N", help="processes (as many as cores)")
    add("--rounds", type=int, default=3, metavar="N", help="(%(default)s)")
    add("--seconds", type=float, default=0.5, metavar="S", help="of each measurement (%(default)g)")
    add("--isa", choices=get_args(Instructions), help="play a CPU with these vector instructions (all)")
    add(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="for figures and tables; pairs that it has already are not measured again",
    )


def run(options: Options) -> int:
    """Measure pair after pair; what is known is written after each.

    Raises:
        ConfigError: an option that cannot be used.
        ServerError: a process that measures ended.
        ArchiveError, CheckpointError, RewriteError: a network cannot be packed.
    """
    names = _networks(options)
    with _playing(options.isa):
        return _measure(names, _settings(options), options)


@contextmanager
def _playing(isa: Instructions | None) -> Iterator[None]:
    """While this is open, processes that are started play a CPU with these instructions."""
    if isa:
        environment.play_instructions(isa)
    if isa != "avx2":
        yield
        return
    with TemporaryDirectory() as folder:
        if not without_avx512(Path(folder)):
            _tell("ONNX Runtime keeps AVX-512: its library does not ask for it as those do that we know")
        with environment.packages_from(Path(folder)):
            yield


def _measure(names: list[str], settings: Settings, options: Options) -> int:
    (options.out / PAIRS_FOLDER).mkdir(parents=True, exist_ok=True)
    measured: list[PairRates] = []
    for number, name in enumerate(names, 1):
        _tell(f"{number} of {len(names)}: {name}")
        measured.append(_measured(name, settings, options.out / PAIRS_FOLDER / f"{name}.json"))
        _write(options.out, measured)
    print(_text(measured))
    return 0


def _networks(options: Options) -> list[str]:
    names = options.networks or [variant.name for variant in PUBLISHED]
    if unknown := [name for name in names if name not in VARIANTS]:
        raise ConfigError(f"--networks {unknown[0]}: it is no GroupNL network; `groupnl models` lists them")
    return list(dict.fromkeys(names))


def _settings(options: Options) -> Settings:
    cores = usable_cores()
    loads: list[Load] = ["alone", "beside", "lowest"]
    if reason := why_no_quota():
        _tell(f"without a quota: {reason}")
    else:
        loads.append("quota")
    return Settings(
        size=options.size,
        batch=options.batch_size,
        workers=options.workers or cores,
        rounds=options.rounds,
        seconds=options.seconds,
        loads=tuple(loads),
        quota=cores - _LESS,
    )


def _measured(name: str, settings: Settings, file: Path) -> PairRates:
    """What the file has of a pair, where it was measured here and so; else it is measured and written."""
    try:
        known = PairRates.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        known = None
    if known and known.settings == settings and known.machine == Machine.here():
        _tell(f"{file} has it already")
        return known
    found = in_a_process(measure_pair, name, VARIANTS[name].twin, settings, _tell)
    write_whole(file, found.model_dump_json(indent=1) + "\n")
    return found


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _text(measured: list[PairRates]) -> str:
    return f"{tables(measured)}\n\n{others_in_words(statistics.fmean(pair.others for pair in measured))}"


def _write(out: Path, measured: list[PairRates]) -> None:
    content = {
        "machine": measured[-1].machine.model_dump(),
        "settings": measured[-1].settings.model_dump(),
        "pairs": [_content(pair) for pair in measured],
    }
    write_whole(out / JSON_FILE, json.dumps(content, indent=1) + "\n")
    write_whole(out / TABLE_FILE, _text(measured) + "\n")


def _content(pair: PairRates) -> dict[str, Any]:
    return {
        "model": _figures(pair.model),
        "twin": _figures(pair.twin),
        "over_twin": over_twin(pair)._asdict(),
        "misses": misses(pair),
        "others": pair.others,
    }


def _figures(network: NetworkRates) -> dict[str, Any]:
    found = {"full": choice(network, network.full), "lone": choice(network, network.lone)}
    return network.model_dump() | {
        f"{name}_choice": each._asdict()
        | {
            "share": each.share._asdict(),
            "left": {load: ratio._asdict() for load, ratio in each.left.items()},
        }
        for name, each in found.items()
    }
