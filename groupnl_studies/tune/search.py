"""The search of `groupnl tune`: which settings are tried, and which of those that were measured are taken.

Settings are compared inside a round, where the machine is the same; medians over the rounds decide.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from groupnl.errors import ConfigError, ServerError
from groupnl.inference.engine_names import EngineName
from groupnl_studies.harness.slot import Slot

TIE = 0.03  # what differs by less is taken as equal: about what two runs of the same settings differ by
FLIPS = 0.3  # share of the rounds


class Candidate(NamedTuple):
    """Settings of a service.

    Attributes:
        workers: worker processes.
        batch_size: most requests in a batch.
        max_batch_delay_ms: how long the first request of a batch may wait for others.
        engine: that runs the network; None: the archive's.
        threads: most of a batch; None: all cores.
    """

    workers: int
    batch_size: int
    max_batch_delay_ms: int
    engine: EngineName | None = None
    threads: int | None = None

    def __str__(self) -> str:
        engine = "" if self.engine is None else f", {self.engine}"
        threads = "" if self.threads is None else f", threads {self.threads}"
        return f"{self.workers} x {self.batch_size}, {self.max_batch_delay_ms} ms{engine}{threads}"

    def in_words(self) -> str:
        """For a sentence."""
        engine = "" if self.engine is None else f", engine {self.engine}"
        threads = "" if self.threads is None else f", threads {self.threads}"
        return (
            f"workers {self.workers}, batch size {self.batch_size}, delay {self.max_batch_delay_ms} ms{engine}{threads}"
        )

    def settings(self) -> dict[str, Any]:
        """Fields of `groupnl serve`'s configuration."""
        handler = {"engine": self.engine, "threads": self.threads}
        given = {name: value for name, value in handler.items() if value is not None}
        own = {name: getattr(self, name) for name in ("workers", "batch_size", "max_batch_delay_ms")}
        return own | ({"handler": given} if given else {})


class Figures(NamedTuple):
    """What one service did in one round.

    Attributes:
        saturated: asked by many clients.
        alone: asked by one.
        batch: requests in a batch on average, with many clients.
        others: cores that other programs used meanwhile.
    """

    saturated: Slot
    alone: Slot
    batch: float
    others: float

    @property
    def failures(self) -> int:
        """Answers other than 200, and broken connections."""
        return self.saturated.failures + self.alone.failures


Round = Mapping[Candidate, Figures]
Measure = Callable[[Sequence[Candidate]], list[Round]]


_ORDER = ("workers", "engine", "threads", "batch_size", "max_batch_delay_ms")


class Axes(NamedTuple):
    """Values that are tried of each setting, each of them at least once; what asks for less stands before.

    Attributes:
        workers: worker processes.
        batch_size: most requests in a batch.
        max_batch_delay_ms: longest wait for others.
        engine: engines, the one before that is likely to be faster.
        threads: most of a batch.
    """

    workers: Sequence[int]
    batch_size: Sequence[int]
    max_batch_delay_ms: Sequence[int]
    engine: Sequence[EngineName | None] = (None,)
    threads: Sequence[int | None] = (None,)

    @property
    def start(self) -> Candidate:
        """Where the search begins: the middle of each; of the workers the fewest, of the threads the most."""
        return Candidate(
            self.workers[0],
            self.batch_size[len(self.batch_size) // 2],
            self.max_batch_delay_ms[len(self.max_batch_delay_ms) // 2],
            self.engine[0],
            self.threads[-1],
        )

    @property
    def searched(self) -> list[str]:
        """Names of those with more than one value, in the order of the search."""
        return [name for name in _ORDER if len(getattr(self, name)) > 1]

    @property
    def measurements(self) -> int:
        """How many services are measured in a round of each step."""
        return sum(len(getattr(self, name)) for name in self.searched)


class Step(NamedTuple):
    """One setting's values compared, the others kept.

    Attributes:
        setting: its name, as in `Candidate`.
        rounds: one or more, each with all values.
        chosen: what the next step goes on from.
    """

    setting: str
    rounds: list[Round]
    chosen: Candidate


def search(axes: Axes, measure: Measure) -> list[Step]:
    """Choose one setting after the other.

    Args:
        axes: what is tried.
        measure: measures candidates in one or more rounds.

    Returns:
        A step for each setting with more than one value; the last one's choice is the result.

    Raises:
        ConfigError: no setting has more than one value.
        ServerError: no candidate of a step answered without failures.
    """
    if not axes.searched:
        raise ConfigError("there is nothing to choose: give more than one value of a setting")
    at, steps = axes.start, []
    for setting in axes.searched:
        rounds = measure([at._replace(**{setting: value}) for value in getattr(axes, setting)])
        at = choose(rounds)
        steps.append(Step(setting, rounds, at))
    return steps


def choose(rounds: Sequence[Round]) -> Candidate:
    """The rule.

    The highest throughput; of those equal to it the lowest median latency at one client; of those equal to that the one
    that asks for least, which stands before: fewest workers or threads, the smallest batch, the shortest delay, the
    engine that packing found faster. Equal is what differs by at most `TIE`, or was as good as the best in `FLIPS` of
    the rounds or more: where the machine was not quiet, so that the order changes from round to round, a difference of
    medians says nothing.

    Raises:
        ServerError: each of them had failures.
    """
    good = [each for each in rounds[0] if not failures(rounds, each)]
    if not good:
        raise ServerError(
            f"with each of the settings some requests failed ({failures(rounds, next(iter(rounds[0])))} with the "
            "first): are all images such as the service takes? Its log says what it refused"
        )
    fast = _best(rounds, good, lambda figures: figures.saturated.throughput)
    return _best(rounds, fast, lambda figures: 1 / figures.alone.p50_ms)[0]


def _best(
    rounds: Sequence[Round], candidates: Sequence[Candidate], figure: Callable[[Figures], float]
) -> list[Candidate]:
    """The candidate with the highest figure, and those equal to it."""
    shares = _shares(rounds, figure)
    best = max(candidates, key=lambda each: shares[each])

    def equal(each: Candidate) -> bool:
        as_good = sum(figure(found[each]) >= figure(found[best]) for found in rounds)
        return shares[each] >= (1 - TIE) * shares[best] or as_good >= FLIPS * len(rounds)

    return [each for each in candidates if equal(each)]


def failures(rounds: Sequence[Round], candidate: Candidate) -> int:
    """A candidate's failures in all rounds."""
    return sum(each[candidate].failures for each in rounds)


def rate_shares(rounds: Sequence[Round]) -> dict[Candidate, float]:
    """Throughput with many clients, as a multiple of the candidates' median."""
    return _shares(rounds, lambda figures: figures.saturated.throughput)


def wait_shares(rounds: Sequence[Round]) -> dict[Candidate, float]:
    """Median latency at one client, as a multiple of the candidates' median."""
    return _shares(rounds, lambda figures: figures.alone.p50_ms)


def _shares(rounds: Sequence[Round], figure: Callable[[Figures], float]) -> dict[Candidate, float]:
    """A figure divided by its median over the candidates of the round; the median over the rounds."""
    shares: dict[Candidate, list[float]] = {each: [] for each in rounds[0]}
    for found in rounds:
        middle = statistics.median(figure(each) for each in found.values())
        for candidate, values in shares.items():
            values.append(figure(found[candidate]) / middle)
    return {candidate: statistics.median(values) for candidate, values in shares.items()}
