"""Counts of the last day, looked at each day or hour: what a test that wants a beginning says of them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from groupnl.robustness.statistics import needed_lead, paired_difference
from groupnl_studies.statistics.finding import Finding, share_of
from groupnl_studies.statistics.stream import Stream

INFORMATIVE = 41  # in an hour
PAIRS = 154
HOURS = 24
DAYS = (30, 90, 365)


def leads(days: int, runs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The lead of a model over another that is alike, in each window of a day that ends at a full hour.

    Returns:
        int64 (runs, hours of `days`, less those of the first day).
    """
    summed = np.cumsum(2 * rng.binomial(INFORMATIVE, 0.5, (runs, days * HOURS)) - INFORMATIVE, axis=1)
    return np.asarray(summed[:, HOURS:] - summed[:, :-HOURS])


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    found = leads(max(DAYS) + 1, runs, rng)
    decided = np.abs(found) >= needed_lead(INFORMATIVE * HOURS)
    for name, step in (("a look a day", HOURS), ("a look an hour", 1)):
        for days in DAYS:
            false = int(decided[:, : days * HOURS : step].any(axis=1).sum())
            yield share_of(f"{name}, {days} days", "false verdicts, were windows to have any", false, runs)
    once = [((INFORMATIVE * HOURS + lead) // 2, (INFORMATIVE * HOURS - lead) // 2) for lead in found[:, 0].tolist()]
    hits = sum(low <= 0 <= high for low, high in (paired_difference(*counts, PAIRS * HOURS) for counts in once))
    yield share_of("one look", "intervals of the difference that hold the truth", hits, runs, at_least=0.93)


STREAM = Stream("windows", "two models that hold alike, and the counts of the last 24 hours", 1000, _simulate)
