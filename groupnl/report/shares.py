"""Shares that were counted, with their interval, and quantiles of histograms."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from groupnl.metrics import Family
from groupnl.report.samples import Samples
from groupnl.robustness.statistics import Interval, wilson_interval


class CountedShare(NamedTuple):
    """A share that was counted.

    Attributes:
        good: of them.
        total: counted.
        interval: of the share, at 95 %.
    """

    good: float
    total: float
    interval: Interval

    @property
    def value(self) -> float:
        """The share, 0 to 1; NaN where nothing was counted."""
        return self.good / self.total if self.total else math.nan


def share_of(good: float, total: float, distinct_total: float | None = None) -> CountedShare:
    """A share with its interval.

    Args:
        good: of them.
        total: counted.
        distinct_total: how many of them count for the interval; None: all.
    """
    counted = total if distinct_total is None else distinct_total
    return CountedShare(good, total, wilson_interval(good / total * counted if total else 0, counted))


def quantiles(samples: Samples, family: Family, **labels: str) -> tuple[float, ...] | None:
    """The median of a histogram, and its quantiles 0.95 and 0.99, in its unit; None where it is empty."""
    counts = buckets(samples, family, **labels)
    if not counts or not counts[-1][1]:
        return None
    return tuple(_quantile(counts, share) for share in (0.5, 0.95, 0.99))


def most_of(samples: Samples, family: Family, *parts: float, **labels: str) -> tuple[float, ...] | None:
    """What each part of a histogram's values is at most, as its buckets say; None where it is empty.

    Args:
        samples: what was counted.
        family: the histogram.
        parts: of the values, from the smallest on, above 0 to 1.
        labels: of the samples that count.

    Returns:
        For each part the bound of a bucket; infinite where the last bucket has none.
    """
    counts = buckets(samples, family, **labels)
    if not counts or not counts[-1][1]:
        return None
    return tuple(next(bound for bound, count in counts if count >= part * counts[-1][1]) for part in parts)


class Between(NamedTuple):
    """A range of whole buckets.

    Attributes:
        above: lower bound, which is outside.
        most: upper bound; infinite where the last bucket has none.
    """

    above: float
    most: float


def most_between(samples: Samples, family: Family, part: float, **labels: str) -> Between | None:
    """Where the middle part of a histogram's values lies, as exactly as its buckets say; None where it is empty.

    Args:
        samples: what was counted.
        family: the histogram, of values above 0.
        part: of the values, 0 to 1.
        labels: of the samples that count.
    """
    counts = buckets(samples, family, **labels)
    if not counts or not counts[-1][1]:
        return None
    rest = (1 - part) / 2 * counts[-1][1]
    bounds = [0.0, *(bound for bound, _ in counts)]
    first = next(place for place, (_, count) in enumerate(counts) if count > rest)
    last = next(place for place, (_, count) in enumerate(counts) if count >= counts[-1][1] - rest)
    return Between(bounds[first], bounds[last + 1])


def buckets(samples: Samples, family: Family, **labels: str) -> list[tuple[float, float]]:
    """Upper bounds of a histogram with the counts up to them, the last one infinite; empty where it is not there."""
    counts = samples.by("le", f"{family.name}_bucket", **labels)
    return sorted((float(bound), count) for bound, count in counts.items())


def _quantile(counts: Sequence[tuple[float, float]], share: float) -> float:
    """Interpolated within its bucket, as Prometheus does; the last finite bound where it lies beyond."""
    wanted = share * counts[-1][1]
    below, before = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            if math.isinf(bound):
                return below
            return below + (bound - below) * (wanted - before) / max(count - before, 1e-12)
        below, before = bound, count
    return below
