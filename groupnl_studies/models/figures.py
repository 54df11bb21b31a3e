"""How fast GroupNL networks are beside their twins: the figures of `groupnl bench models`, and what is made of them.

Every ratio is formed inside a round, where the machine is the same; medians over the rounds are reported.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from groupnl.inference.ways import Way, parse_way
from groupnl_studies.harness.rounds import Ratio, median_over
from groupnl_studies.models.pair import Case, PairTimes, Turn

OWN_FASTEST = "own fastest"


class TimesFaster(NamedTuple):
    """A ratio of throughputs over all rounds.

    Attributes:
        median: of the rounds.
        low: smallest of them.
        high: largest of them.
        quickest: of the quickest batches of all rounds; the least disturbed by what else a machine does.
    """

    median: float
    low: float
    high: float
    quickest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f}; {self.quickest:.2f})"


class Speedup(NamedTuple):
    """What the rewrite gains.

    Attributes:
        network: timm name.
        before: the way with the published form.
        after: the way with the rewritten form, in the same runtime and precision.
        ratio: throughput after / throughput before.
    """

    network: str
    before: str
    after: str
    ratio: TimesFaster


def times_faster(slow: Sequence[Turn], quick: Sequence[Turn]) -> TimesFaster:
    """Throughput of the second over that of the first, round by round; at least one round."""
    rounds = list(zip(slow, quick, strict=True))
    ratio = Ratio.over(rounds, lambda each: each[0].median_ms / each[1].median_ms)
    return TimesFaster(*ratio, quickest=min_ms(slow) / min_ms(quick))


def median_ms(turns: Sequence[Turn]) -> float:
    """Median over the rounds of the turns' medians, milliseconds for an image."""
    return median_over(turns, lambda turn: turn.median_ms)


def min_ms(turns: Sequence[Turn]) -> float:
    """The quickest batch of all rounds, milliseconds for an image."""
    return min(turn.min_ms for turn in turns)


def cpu_ms(turns: Sequence[Turn]) -> float:
    """Median over the rounds of the processor time for an image, milliseconds, all threads together."""
    return median_over(turns, lambda turn: turn.cpu_ms)


def ways_of(times: PairTimes) -> list[str]:
    """Names of the ways that were measured, in their order."""
    return list(dict.fromkeys(case.way for case in times.turns))


def batches_of(times: PairTimes) -> list[int]:
    """The batch sizes that were measured, in their order."""
    return list(dict.fromkeys(case.batch for case in times.turns))


def fastest_way(times: PairTimes, network: str, batch: int) -> str:
    """The way with the lowest median time of a network."""
    return min(ways_of(times), key=lambda way: median_ms(times.turns[Case(network, way, batch)]))


def over_twin(times: PairTimes, batch: int) -> dict[str, TimesFaster]:
    """Throughput of the GroupNL network over its twin's: by way, and each in its own fastest way."""
    model, twin = times.pair

    def ratio(model_way: str, twin_way: str) -> TimesFaster:
        return times_faster(times.turns[Case(twin, twin_way, batch)], times.turns[Case(model, model_way, batch)])

    ratios = {way: ratio(way, way) for way in ways_of(times)}
    return ratios | {OWN_FASTEST: ratio(fastest_way(times, model, batch), fastest_way(times, twin, batch))}


def rewrite_speedups(times: PairTimes, batch: int) -> list[Speedup]:
    """What the rewritten form gains over the published one, for both networks, in each runtime and precision."""
    ways = [parse_way(name) for name in ways_of(times)]
    found = []
    for network in times.pair:
        for before, after in ((before, after) for before in ways for after in ways):
            if _comparable(before, after):
                slow, quick = (times.turns[Case(network, way.name, batch)] for way in (before, after))
                found.append(Speedup(network, before.name, after.name, times_faster(slow, quick)))
    return found


def _comparable(before: Way, after: Way) -> bool:
    same = (before.runtime, before.precision) == (after.runtime, after.precision)
    return same and before.published and not after.published


def pair_summary(times: PairTimes) -> dict[str, Any]:
    """All figures of a pair, as JSON takes them."""
    return {
        **times.pair._asdict(),
        "others": times.others,
        "rows": [
            {
                **case._asdict(),
                "median_ms": median_ms(turns),
                "min_ms": min_ms(turns),
                "cpu_ms": cpu_ms(turns),
                "rounds_ms": [turn.median_ms for turn in turns],
                "logits_relative_error": times.errors[case.network, case.way],
            }
            for case, turns in times.turns.items()
        ],
        "batches": {str(batch): _batch_summary(times, batch) for batch in batches_of(times)},
    }


def _batch_summary(times: PairTimes, batch: int) -> dict[str, Any]:
    return {
        "fastest": {network: fastest_way(times, network, batch) for network in times.pair},
        "over_twin": {name: ratio._asdict() for name, ratio in over_twin(times, batch).items()},
        "rewritten_over_published": [
            speedup._asdict() | {"ratio": speedup.ratio._asdict()} for speedup in rewrite_speedups(times, batch)
        ],
    }
