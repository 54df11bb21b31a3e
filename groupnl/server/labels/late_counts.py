"""Counts that are added to those of the workers: so they are shown and kept with them, and begin anew when they do."""

import math
from collections import defaultdict

from prometheus_client.mmap_dict import mmap_key
from prometheus_client.utils import floatToGoString

from groupnl.metrics import Family
from groupnl.server.observed.worker_files import Sums

_Labels = tuple[tuple[str, str], ...]
_Place = tuple[str, str, _Labels]  # a family's name, a series of it, its labels


class LateCounts:
    """What is to be added; the families are of those that workers begin at 0."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}
        self._counts: defaultdict[_Place, float] = defaultdict(float)

    def inc(self, family: Family, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a counter."""
        self._add(family, family.name, tuple(labels.items()), amount)

    def observe(self, family: Family, value: float, **labels: str) -> None:
        """Add a value to a histogram, in its unit."""
        its = tuple(labels.items())
        bounds = (*family.buckets, math.inf)
        found = next(bound for bound in bounds if value <= bound)
        for bound in bounds:
            self._add(family, f"{family.name}_bucket", (*its, ("le", _written(bound))), bound == found)
        self._add(family, f"{family.name}_sum", its, value)

    def sums(self) -> Sums:
        """As `WorkerFiles.add` takes them."""
        sums: Sums = {"counter": {}, "histogram": {}}
        for (name, series, labels), count in self._counts.items():
            family = self._families[name]
            names, values = zip(*labels, strict=True)
            key = mmap_key(name.removesuffix("_total"), series, [*names], [*values], family.help)
            sums[family.kind][key] = count
        return sums

    def _add(self, family: Family, series: str, labels: _Labels, amount: float) -> None:
        self._families[family.name] = family
        self._counts[family.name, series, labels] += amount


def _written(bound: float) -> str:
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]
