"""What was asked and what came of it, and the figures that are made of that."""

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from loadtests._answers import Refusal
from loadtests._images import Image

Json = dict[str, Any]


class Order(NamedTuple):
    """One request to send.

    Attributes:
        model: name in the address.
        image: the body.
        label: the request's name in Locust's tables.
        due_s: when, in seconds from the start of the run; None: at once.
        refusals: how it must be refused; empty: it must be answered.
        may_be_busy: 503 is a right answer, too.
        headers: further ones, names and values.
        turn: number of the request in its schedule.
    """

    model: str
    image: Image
    label: str
    due_s: float | None = None
    refusals: tuple[Refusal, ...] = ()
    may_be_busy: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    turn: int = 0


class Outcome(NamedTuple):
    """What came of an order.

    Attributes:
        at_s: when it was due, or sent if it was not due at a time; seconds from the start of the run.
        seconds: from then until the whole answer was there.
        status: HTTP status; 0 without an answer.
        fault: what was wrong; None if nothing.
    """

    order: Order
    at_s: float
    seconds: float
    status: int
    fault: str | None = None

    @property
    def end_s(self) -> float:
        """When the answer was there."""
        return self.at_s + self.seconds

    @property
    def answered(self) -> bool:
        """A prediction came, and it was right."""
        return self.fault is None and self.status == 200

    @property
    def refused(self) -> bool:
        """Nobody listened, and that was to be expected."""
        return self.fault is None and self.status == 0

    @property
    def busy(self) -> bool:
        """The queue was full, and that was to be expected."""
        return self.fault is None and self.status == 503


class Check(NamedTuple):
    """One thing that must hold: a sentence with the figure found and the limit, and whether it does."""

    passed: bool
    sentence: str


class Verdict(NamedTuple):
    """What a scenario found: figures for people, the same for programs, and the checks that decide."""

    lines: list[str]
    figures: Json
    checks: list[Check]


def quantile_ms(seconds: Iterable[float], share: float) -> float:
    """The latency in milliseconds that this share did not exceed (the nearest rank); NaN of none."""
    ordered = sorted(seconds)
    if not ordered:
        return math.nan
    return 1000 * ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def latencies(outcomes: Iterable[Outcome]) -> list[float]:
    """Seconds of the right predictions."""
    return [outcome.seconds for outcome in outcomes if outcome.answered]


def percentiles(seconds: Sequence[float]) -> Json:
    """Count, and p50, p95, p99 in milliseconds."""
    return {"count": len(seconds)} | {
        f"p{share}_ms": round(quantile_ms(seconds, share / 100), 2) if seconds else None for share in (50, 95, 99)
    }


def percentile_lines(rows: Iterable[tuple[str, Json]]) -> list[str]:
    """A table of such figures, one line for each name."""
    head = f"{'':<28}{'answers':>9}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}"
    return [head, *(f"{name:<28}{row['count']:>9}{_cells(row)}" for name, row in rows)]


def per_second(outcomes: Iterable[Outcome]) -> Json:
    """For each second of the run, how many answers came, by kind; and the slowest right one in milliseconds."""
    kinds: dict[str, Counter[int]] = {kind: Counter() for kind in ("answered", "busy", "refused", "wrong")}
    slowest: dict[int, float] = {}
    for outcome in outcomes:
        second = int(outcome.end_s)
        kinds[_kind(outcome)][second] += 1
        if outcome.answered:
            slowest[second] = max(slowest.get(second, 0.0), 1000 * outcome.seconds)
    seconds = range(max(itertools.chain.from_iterable(kinds.values()), default=-1) + 1)
    rows = {kind: [counts[second] for second in seconds] for kind, counts in kinds.items()}
    return rows | {"slowest_ms": [round(slowest.get(second, 0.0), 1) for second in seconds]}


def _kind(outcome: Outcome) -> str:
    if outcome.fault:
        return "wrong"
    return "busy" if outcome.busy else "refused" if outcome.refused else "answered"


def _cells(row: Json) -> str:
    values = (row["p50_ms"], row["p95_ms"], row["p99_ms"])
    return "".join(f"{'-' if value is None else f'{value:.1f}':>10}" for value in values)
