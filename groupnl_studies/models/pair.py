"""Measures one GroupNL network beside its twin: both in every way, turn by turn, in one process."""

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.base.others import Others
from groupnl.base.progress import progress
from groupnl.errors import RewriteError
from groupnl.inference.device import choose_device
from groupnl.inference.engines.engine import Engine
from groupnl.inference.ways import REFERENCE, Way
from groupnl.inference.workshop import Workshop
from groupnl_studies.harness.random_network import identity, pictures, random_network, usual_input

TURN_S = 0.1  # the least that one turn lasts
# Relative error of the logits (norm of the difference / norm) above which a way does not compute the same network.
# Random weights are sensitive to rounding: up to 0.22 in bfloat16. Of logits that have nothing in common it is about 1.
_TOLERANCES = {torch.float32: 5e-3, torch.bfloat16: 0.5, torch.float16: 0.1}


class Pair(NamedTuple):
    """Two networks that are compared.

    Attributes:
        model: timm name of the GroupNL network.
        twin: of the standard network.
    """

    model: str
    twin: str


@dataclass(frozen=True)
class Plan:
    """How pairs are measured.

    Attributes:
        ways: to run each network.
        batches: numbers of images at once.
        size: side of the input, pixels.
        rounds: how often every network is measured in every way and batch size.
        threads: of the CPU.
        device: "cpu" or "cuda".
        cache: folder for compiled networks.
        turn_s: the least that one turn lasts, seconds.
    """

    ways: tuple[Way, ...]
    batches: tuple[int, ...]
    size: int
    rounds: int
    threads: int
    device: str
    cache: Path
    turn_s: float = TURN_S


class Case(NamedTuple):
    """What is measured once a round.

    Attributes:
        network: timm name.
        way: name of the way.
        batch: images at once.
    """

    network: str
    way: str
    batch: int


class Turn(NamedTuple):
    """What one case did in one round, milliseconds for an image.

    Attributes:
        median_ms: of the turn's batches.
        min_ms: of the quickest batch.
        cpu_ms: processor time of all threads, mean of the batches.
    """

    median_ms: float
    min_ms: float
    cpu_ms: float


class Instant(NamedTuple):
    """A moment, on two clocks.

    Attributes:
        wall_s: of a clock on the wall, seconds.
        cpu_s: processor time of this process so far, all threads, seconds.
    """

    wall_s: float
    cpu_s: float

    @classmethod
    def now(cls) -> "Instant":
        """Now."""
        return cls(time.perf_counter(), time.process_time())


@dataclass
class PairTimes:
    """What was measured of a pair.

    Attributes:
        pair: the two names.
        turns: one turn a round, in the order of the rounds, for each case.
        errors: network and way -> relative error of the logits against the published form in eager float32.
        others: cores that other programs used during the turns, on average.
    """

    pair: Pair
    turns: dict[Case, list[Turn]] = field(default_factory=dict)
    errors: dict[tuple[str, str], float] = field(default_factory=dict)
    others: float = 0.0


def measure_pair(pair: Pair, plan: Plan) -> PairTimes:
    """Build every engine of both networks, warm them up, compare their answers, and time them.

    Raises:
        RewriteError: a network cannot be rewritten or compiled, or a way does not compute the same network.
        ConfigError: an engine cannot be used here.
    """
    torch.set_num_threads(plan.threads)
    device = choose_device("cuda" if plan.device == "cuda" else "cpu")
    images = pictures(max(plan.batches), plan.size)
    result = PairTimes(pair)
    engines: dict[tuple[str, str], Engine] = {}
    workshop = Workshop(plan.cache, usual_input(plan.size), device, plan.threads)
    with progress(total=len(pair) * len(plan.ways), stays=False, unit="engines") as bar:
        for network in pair:
            model = random_network(network, usual_input(plan.size))
            name = identity(network, model)
            expected = workshop.engine(REFERENCE, model, name)(images)
            for way in plan.ways:
                bar.set_description(f"{network}: {way.name}")
                engine = workshop.engine(way, model, name)
                engine.warm_up(max(plan.batches))
                result.errors[network, way.name] = checked_error(engine(images), expected, way, network)
                engines[network, way.name] = engine
                bar.update()
    gc.collect()
    others = Others()
    result.turns = _take_turns(engines, images, plan)
    result.others = others.cores()
    return result


def checked_error(logits: Tensor, expected: Tensor, way: Way, network: str) -> float:
    """The relative error of a way's logits: norm of the difference / norm.

    Args:
        logits: the way's, float32 (B, classes).
        expected: those of the published form in float32, of the same images.
        way: that was run.
        network: its name, for the error's text.

    Raises:
        RewriteError: the error is larger than rounding explains.
    """
    error = float((logits - expected).norm() / expected.norm())
    if not error <= _TOLERANCES[way.precision]:
        raise RewriteError(
            f"{network} in the way {way.name} gives logits with a relative error of {error:.2g}: the engine is at "
            "fault, leave this way out"
        )
    return error


def _take_turns(engines: Mapping[tuple[str, str], Engine], images: Tensor, plan: Plan) -> dict[Case, list[Turn]]:
    """Time all slots once a round, in a shuffled order: networks and ways alternate, the batch size changes last."""
    turns: dict[Case, list[Turn]] = {Case(*key, batch): [] for batch in plan.batches for key in engines}
    order = random.Random(0)  # noqa: S311 (an order, no secret)
    with progress(total=(plan.rounds + 1) * len(turns), stays=False, unit="turns") as bar:
        for number in range(plan.rounds + 1):
            bar.set_description(f"round {number}" if number else "first batches")
            for batch in plan.batches:
                pixels = images[:batch]
                for key in order.sample(list(engines), len(engines)):
                    turn = take_turn(lambda: engines[key](pixels), batch, plan.turn_s)  # noqa: B023 (called at once)
                    if number:  # engines may compile for a batch size when they see it first
                        turns[Case(*key, batch)].append(turn)
                    bar.update()
    return turns


def take_turn(
    forward: Callable[[], object], batch: int, at_least_s: float, clock: Callable[[], Instant] | None = None
) -> Turn:
    """Run batches for some time.

    The first batch finds caches and waking threads as another network left them, so it does not count, unless it alone
    lasts longer than the turn.

    Args:
        forward: runs one batch, to the end.
        batch: images in it.
        at_least_s: the least that the turn lasts, seconds.
        clock: tells the time; this machine's by default.
    """
    clock = clock or Instant.now
    instants = [clock()]
    while len(instants) < 2 or instants[-1].wall_s - instants[0].wall_s < at_least_s:
        forward()
        instants.append(clock())
    counted = instants[1:] if len(instants) > 2 else instants
    times = [(after.wall_s - before.wall_s) * 1e3 / batch for before, after in pairwise(counted)]
    cpu_ms = (counted[-1].cpu_s - counted[0].cpu_s) * 1e3 / (batch * len(times))
    return Turn(statistics.median(times), min(times), cpu_ms)
