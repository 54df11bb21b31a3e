"""Agreement that falls, or not: how soon the ticket on the level of all corruptions together comes, if it should."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groupnl.base.progress import progress
from groupnl.monitoring.recorded.level import DRIFT, EXCESS, LEAST_POOLED_PAIRS, Z_OF_SPANS
from groupnl.monitoring.recording import AGREEMENT_MARGIN, LONG_INTERVAL
from groupnl_studies.statistics.finding import Finding, share_of
from groupnl_studies.statistics.stream import Stream

STEP_S = 240  # `LONG_INTERVAL`; the rules of the short windows are computed oftener, which changes little
STEPS_OF_SPANS = {"6h": 90, "1d": 360, "7d": 2520}
STEPS_HELD = 8  # half an hour
STEPS_KEPT = 90  # 6 hours after the condition has ended
SHADOW_SHARE = 0.1
# Of each corruption before packing, as unlike as those of the default models; 0.70 on average.
USUAL = np.linspace(0.45, 0.95, 19)

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]


class Case(NamedTuple):
    """One service.

    Attributes:
        name: its traffic.
        rate: requests a second.
        fall: of the agreement, after two weeks.
        within_h: hours by which the ticket is there in `share` of the runs; 0: it must not come.
        share: of the runs.
    """

    name: str
    rate: float
    fall: float
    within_h: float
    share: float = 0.5


_FALSE = 0.01  # a ticket in so many of the stable services is taken for none
_DAYS_STABLE = 22
_DAYS_BEFORE = 14
_A_DAY = 1000 / 86_400
CASES = (
    *[
        Case(f"{name}, stable for {_DAYS_STABLE} days", rate, 0, 0)
        for name, rate in (("1000 a day", _A_DAY), ("0.1/s", 0.1), ("1/s", 1), ("10/s", 10))
    ],
    Case("1000 a day, falls by 10 points", _A_DAY, 0.1, 168, 0.75),
    Case("0.1/s, falls by 10 points", 0.1, 0.1, 26),
    Case("1/s, falls by 10 points", 1, 0.1, 6),
    Case("10/s, falls by 10 points", 10, 0.1, 4.5),
    Case("1000 a day, falls by 20 points", _A_DAY, 0.2, 120),
    Case("0.1/s, falls by 20 points", 0.1, 0.2, 6),
    Case("1/s, falls by 20 points", 1, 0.2, 3.5),
    Case("10/s, falls by 20 points", 10, 0.2, 2.5),
)


def simulated(agreement: Shares, rate: float, rng: np.random.Generator, usual: Shares = USUAL) -> tuple[Counts, Counts]:
    """What is counted in each step and corruption.

    Args:
        agreement: float (steps,), over all corruptions; each falls by the same from its own usual one.
        rate: requests a second.
        rng: of all random numbers.
        usual: float (corruptions,), of each before packing.

    Returns:
        Pairs and flips, int64 (steps, corruptions).
    """
    steps = len(agreement)
    pairs = rng.poisson(rate * SHADOW_SHARE * STEP_S / len(usual), (steps, len(usual)))
    fallen = usual.mean() - agreement
    flips = rng.binomial(pairs, np.clip(1 - usual[None, :] + fallen[:, None], 0, 1))
    return pairs, flips


def fires(pairs: Counts, flips: Counts, usual: Shares = USUAL) -> NDArray[np.bool_]:
    """At which steps the ticket is there, as Prometheus computes it from counters that are scraped at each step.

    Args:
        pairs: int64 (steps, corruptions).
        flips: the same.
        usual: float (corruptions,), of each before packing.

    Returns:
        bool (steps,): firing.
    """
    condition = _excess(pairs, flips, usual) > EXCESS
    for span, z in Z_OF_SPANS.items():
        condition |= _below(pairs, flips, usual, STEPS_OF_SPANS[span], z)
    firing, now, held, kept = np.zeros(len(condition), bool), False, 0, 0
    for step, holds in enumerate(condition):
        held = held + 1 if holds else 0
        kept = 0 if holds else kept + 1
        firing[step] = now = held > STEPS_HELD or (now and kept <= STEPS_KEPT)
    return firing


def _below(pairs: Counts, flips: Counts, usual: Shares, steps: int, z: float) -> NDArray[np.bool_]:
    total, expected = _expected(pairs, usual, steps)
    agreement = 1 - _in_window(flips.sum(axis=1), steps) / np.maximum(total, 1)
    cases = np.maximum(total, 1)
    root = np.sqrt(agreement * (1 - agreement) / cases + z * z / 4 / cases**2)
    upper = np.minimum(1, (agreement + z * z / 2 / cases + z * root) / (1 + z * z / cases))
    return (total >= LEAST_POOLED_PAIRS) & (upper < expected - AGREEMENT_MARGIN)


def _excess(pairs: Counts, flips: Counts, usual: Shares) -> Shares:
    total, expected = _expected(pairs, usual, STEPS_OF_SPANS["7d"])
    added = np.where(total > 0, flips.sum(axis=1) - pairs.sum(axis=1) * (1 - expected + DRIFT), 0)
    found, last = np.empty(len(added)), 0.0
    for step, change in enumerate(added):
        last = found[step] = min(max(last + change, 0), 2 * EXCESS)
    return found


def _expected(pairs: Counts, usual: Shares, steps: int) -> tuple[Counts, Shares]:
    of_each = _in_window(pairs, steps)
    total = of_each.sum(axis=1)
    return total, of_each @ usual / np.maximum(total, 1)


def _in_window(counts: Counts, steps: int) -> Counts:
    summed = np.cumsum(counts, axis=0)
    before = np.zeros_like(summed)
    before[steps:] = summed[:-steps]
    return np.asarray(summed - before)


def delay_h(case: Case, rng: np.random.Generator) -> float:
    """Hours from the fall (stable: from the start) to the ticket; infinite where it does not come."""
    before = 0 if case.fall == 0 else _DAYS_BEFORE
    days = _DAYS_STABLE if case.fall == 0 else before + 14
    steps = days * 86_400 // STEP_S
    change = before * 86_400 // STEP_S
    agreement = np.full(steps, USUAL.mean())
    agreement[change:] -= case.fall
    at = np.flatnonzero(fires(*simulated(agreement, case.rate, rng))[change:])
    return float(at[0]) * STEP_S / 3600 if len(at) else np.inf


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    assert f"{STEP_S // 60}m" == LONG_INTERVAL  # noqa: S101
    for case in CASES:
        delays = [delay_h(case, rng) for _ in progress(range(runs), unit="runs", title=case.name, stays=False)]
        if case.fall == 0:
            yield share_of(case.name, "a ticket at some time", int(np.isfinite(delays).sum()), runs, at_most=_FALSE)
        else:
            figure = f"a ticket by {case.within_h:g} h"
            hits = int((np.array(delays) <= case.within_h).sum())
            yield share_of(case.name, figure, hits, runs, at_least=case.share)
            yield Finding(case.name, "median time to the ticket", float(np.median(delays)), "h")


STREAM = Stream("level", "agreement under all corruptions together, stable or falling", 100, _simulate)
