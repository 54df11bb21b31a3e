"""Measures a pair of networks: packs both as `groupnl archive` does, and times every engine in every shape."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.archive.read import unpack
from groupnl.archive.speed.contest import Contest, busy_program, contest
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.speeds import read_speeds
from groupnl.base.cores import whole_cores
from groupnl.base.others import Others
from groupnl.card import ModelCard
from groupnl.errors import ArchiveError
from groupnl.inference.engine_names import AUTO, EngineName
from groupnl.models import save_checkpoint
from groupnl_studies.engines.rates import Load, NetworkRates, PairRates, Rates, Settings, Way
from groupnl_studies.harness.quota import quota
from groupnl_studies.harness.random_network import CLASSES, random_network, usual_input
from groupnl_studies.harness.rounds import in_turns

_SLOW: EngineName = "eager"  # timed only where it is what `auto` takes

Tell = Callable[[str], None]


def measure_pair(model: str, twin: str, settings: Settings, tell: Tell) -> PairRates:
    """Pack and measure two networks, some minutes.

    Args:
        model: timm name of the GroupNL network.
        twin: of the standard one.
        settings: how they are measured.
        tell: is told what is done.

    Raises:
        ServerError: a process that measures ended.
        ArchiveError, CheckpointError, RewriteError: a network cannot be packed.
    """
    with tempfile.TemporaryDirectory(prefix="groupnl-engines-") as place, ExitStack() as stack:
        folders = {name: _packed(name, Path(place), settings, tell) for name in (model, twin)}
        entrants = [stack.enter_context(_entrant(folder, name, settings, tell)) for name, folder in folders.items()]
        others = Others()
        for number in range(settings.rounds):
            tell(f"round {number + 1} of {settings.rounds}")
            for load in settings.loads:
                with _under(load, chain.from_iterable(each.here.pids for each in entrants), settings):
                    _take_turns(in_turns(entrants, number), load, settings)
        used_meanwhile = others.cores()
    of_model, of_twin = (each.rates for each in entrants)
    return PairRates(
        machine=Machine.here(), settings=settings, model=of_model, twin=of_twin, others=round(used_meanwhile, 3)
    )


class _Entrant(NamedTuple):
    """A network that is measured.

    Attributes:
        here: its processes, with all engines open.
        full: ways with full batches.
        lone: ways with single images.
        rates: what was measured so far.
    """

    here: Contest
    full: Sequence[Way]
    lone: Sequence[Way]
    rates: NetworkRates


def _packed(network: str, place: Path, settings: Settings, tell: Tell) -> Path:
    """The unpacked archive of a network with random weights."""
    tell(f"packing {network}")
    config = usual_input(settings.size)
    checkpoint = place / f"{network}.safetensors"
    classes = tuple(f"class {number}" for number in range(CLASSES))
    weights = random_network(network, config).state_dict()
    save_checkpoint(checkpoint, weights, ModelCard(architecture=network, classes=classes, input=config))
    serving = ServingSettings(workers=settings.workers, batch_size=settings.batch, handler={"engine": AUTO})
    archive = pack(checkpoint, place, network, settings=serving, say=lambda line: tell(f"{network}: {line}"))
    folder = place / network
    unpack(archive, folder)
    return folder


@contextmanager
def _entrant(folder: Path, network: str, settings: Settings, tell: Tell) -> Iterator[_Entrant]:
    speeds = read_speeds(folder)
    if speeds is None:
        raise ArchiveError(f"the archive of {network} has no speeds: pack it with --engine {AUTO}")
    cores = whole_cores()
    with contest(folder, settings.workers, settings.batch) as here:
        tell(f"opening the engines of {network}")
        opened, left_out = here.open_all(sorted({1, cores}))
        ranking = [name for name in speeds.ranking() if name in opened]
        engines = timed(ranking)
        full = [Way(name, *shape) for name in engines for shape in shapes(len(here.pids), cores)]
        lone = [Way(name, *shape) for name in engines for shape in shapes(1, cores)]
        empty: NetworkRates = NetworkRates(
            network=network,
            ranking=tuple(ranking),
            left_out=left_out,
            full=_empty(full, settings),
            lone=_empty(lone, settings),
        )
        yield _Entrant(here, full, lone, empty)


def timed(ranking: Sequence[EngineName]) -> list[EngineName]:
    """Which engines are timed: the chosen one, and all that may be faster.

    Args:
        ranking: all that can run, the chosen one first.
    """
    return [*ranking[:1], *(name for name in ranking[1:] if name != _SLOW)]


def shapes(processes: int, cores: int) -> list[tuple[int, int | None]]:
    """What is tried: processes that take turns, one with all cores, and all with one thread each.

    Args:
        processes: that there are.
        cores: for the threads of one.

    Returns:
        Processes and threads; None: as served.
    """
    return list(dict.fromkeys([(processes, None), (1, cores), (processes, 1)]))


def _empty(ways: Sequence[Way], settings: Settings) -> Rates:
    return {load: {way.name: [] for way in ways} for load in settings.loads}


def _take_turns(entrants: Sequence[_Entrant], load: Load, settings: Settings) -> None:
    """Each network's ways once; networks alternate."""
    for number in range(max(len(each.full) for each in entrants)):
        for each in entrants:
            for way in each.full[number : number + 1]:
                run = each.here.run(way.engine, settings.batch, settings.seconds, way.processes, way.threads)
                each.rates.full[load][way.name].append(run.rate)
            for way in each.lone[number : number + 1]:
                run = each.here.run(way.engine, 1, settings.seconds / 2, 1, way.threads)
                each.rates.lone[load][way.name].append(run.rate)


@contextmanager
def _under(load: Load, pids: Iterator[int], settings: Settings) -> Iterator[None]:
    with ExitStack() as stack:
        if load == "quota":
            stack.enter_context(quota(settings.quota, pids))
        elif load != "alone":
            stack.enter_context(busy_program(is_lowest=load == "lowest"))
        yield
