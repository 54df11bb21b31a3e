"""Counts that are added to those of the workers: so they are shown and kept with them, and begin anew when they do."""

import math
from collections import defaultdict

from prometheus_client.mmap_dict import mmap_key
from prometheus_client.utils import floatToGoString

from groupnl.metrics import Family
from groupnl.server.observed.worker_files import Sums


class LateCounts:
    """What is to be added; the families are of those that workers begin at 0.

    Attributes:
        sums: as `WorkerFiles.add` takes them.
    """

    def __init__(self) -> None:
        self._counts: dict[str, defaultdict[str, float]] = {
            "counter": defaultdict(float),
            "histogram": defaultdict(float),
        }

    @property
    def sums(self) -> Sums:
        """As `WorkerFiles.add` takes them."""
        return {kind: dict(counts) for kind, counts in self._counts.items()}

    def inc(self, family: Family, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a counter."""
        self._counts["counter"][_key(family, family.name, labels)] += amount

    def observe(self, family: Family, value: float, **labels: str) -> None:
        """Add a value to a histogram, in its unit."""
        counts = self._counts["histogram"]
        bounds = (*family.buckets, math.inf)
        found = next(bound for bound in bounds if value <= bound)
        for bound in bounds:
            counts[_key(family, f"{family.name}_bucket", {**labels, "le": _bound(bound)})] += bound == found
        counts[_key(family, f"{family.name}_sum", labels)] += value


def _bound(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def _key(family: Family, series: str, labels: dict[str, str]) -> str:
    return mmap_key(family.name.removesuffix("_total"), series, [*labels], [*labels.values()], family.help)
