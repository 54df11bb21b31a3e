"""What all replicas have counted, the living and the gone, added up.

Each hands over everything that it has counted so far. So what one handed over last stays when it dies, however that
happens, and nothing is counted twice when it hands over again.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from prometheus_client import Metric

from groupnl.metrics import FAMILIES, OF_THE_CANDIDATE, OF_THE_SERVICE, SERVER_FAMILIES, Family
from groupnl.server.comparison import Comparison

SILENT_S = 15.0  # after which a replica's gauges are not shown any more
GONE_S = 3600.0  # after which it will not come back: its counts are put with those of all that are gone
_COUNTS = ("counter", "histogram")
_MODEL = "model"
_Series = tuple[str, tuple[tuple[str, str], ...]]  # name and labels


class Sample(NamedTuple):
    """A number.

    Attributes:
        name: of the series.
        labels: of the series, in order.
        value: so far.
    """

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


class Counted(NamedTuple):
    """A metric of one replica.

    Attributes:
        name: of the metric; a counter's without its ending.
        help: what it counts.
        kind: as Prometheus calls it.
        samples: its series.
    """

    name: str
    help: str
    kind: str
    samples: tuple[Sample, ...]


class HandOver(NamedTuple):
    """What one replica has counted.

    Attributes:
        replica: its name, which no other one ever has.
        address: host and port of its own metrics.
        comparisons: model -> what its verdicts are about.
        metrics: everything that it has counted so far.
        is_last: it ends now.
    """

    replica: str
    address: str
    comparisons: Mapping[str, Comparison]
    metrics: tuple[Counted, ...]
    is_last: bool = False


class Known(NamedTuple):
    """Everything that was handed over, for a later life.

    Attributes:
        handed: what each replica counted, and those that are gone together.
        comparisons: model -> what counts now: what was deployed last, whoever was heard of last.
        silent: replicas that were put with the gone without a word of theirs.
    """

    handed: tuple[HandOver, ...] = ()
    comparisons: Mapping[str, Comparison] = MappingProxyType({})
    silent: tuple[str, ...] = ()


class _Kept(NamedTuple):
    handed: HandOver
    heard: float
    times: int


class Totals:
    """Adds up; a collector of prometheus_client, which is asked in other threads than it is told.

    Args:
        found: of an earlier life.
        clock: seconds, monotonic.
    """

    def __init__(self, found: Known = Known(), clock: Callable[[], float] = time.monotonic) -> None:  # noqa: B008
        self._clock = clock
        self._changing = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._comparisons: dict[str, Comparison] = {}  # which counts now, of each model
        self._silent: dict[str, None] = dict.fromkeys(found.silent)  # in order
        for handed in found.handed:
            self._put(handed)
        self._comparisons |= found.comparisons

    def take(self, handed: HandOver) -> None:
        """A replica hands over; not one that was put with the gone, where everything that it counted is already."""
        with self._changing:
            if handed.replica in self._silent:
                return
            self._put(handed)
            for kept in list(self._kept.values()):
                if not kept.handed.is_last and self._clock() - kept.heard > GONE_S:
                    self._put(kept.handed._replace(is_last=True))
                    self._silent[kept.handed.replica] = None

    def all(self) -> Known:
        """Everything that was handed over; what is gone has been put together."""
        with self._changing:
            handed = tuple(kept.handed for kept in self._kept.values())
            return Known(handed, dict(self._comparisons), tuple(self._silent))

    def living(self) -> list[HandOver]:
        """The replicas that were heard of lately."""
        with self._changing:
            return list(self._living())

    def times(self) -> dict[str, int]:
        """How often each living replica has handed over: two times later all that it had counted before is here."""
        with self._changing:
            return {handed.replica: self._kept[handed.replica].times for handed in self._living()}

    def describe(self) -> list[Metric]:
        """Nothing: nobody else has these names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The totals at this moment."""
        with self._changing:
            counts = [self._that_count(kept.handed) for kept in self._kept.values()]
            gauges = [_gauges_of(handed) for handed in self._living()]
        yield from map(_shown, _joined([*counts, *gauges]))

    def _living(self) -> Iterator[HandOver]:
        now = self._clock()
        for kept in self._kept.values():
            if not kept.handed.is_last and now - kept.heard < SILENT_S:
                yield kept.handed

    def _put(self, handed: HandOver) -> None:
        before = self._kept.pop(handed.replica, None)
        if before is None or before.handed.comparisons != handed.comparisons:
            # A replica that begins, or was given another archive, says which comparison counts from now on.
            self._comparisons |= handed.comparisons
        if handed.is_last:
            handed = self._with_the_gone(handed)
        times = 1 if before is None else before.times + 1
        self._kept[handed.replica] = _Kept(handed, self._clock(), times)

    def _with_the_gone(self, handed: HandOver) -> HandOver:
        """Put together with what others counted that are gone and compared the same."""
        name = f"gone {sorted(handed.comparisons.items())!r}"
        counts = _counts_of(handed)
        if others := self._kept.pop(name, None):
            counts = tuple(_joined([counts, others.handed.metrics]))
        return HandOver(name, "", handed.comparisons, counts, is_last=True)

    def _that_count(self, handed: HandOver) -> tuple[Counted, ...]:
        """Without what says something of another comparison."""
        others = {
            model: comparison
            for model, comparison in handed.comparisons.items()
            if comparison != self._comparisons[model]
        }
        counts = _counts_of(handed)
        if not others:
            return counts
        return tuple(metric._replace(samples=tuple(self._staying(metric, others))) for metric in counts)

    def _staying(self, metric: Counted, others: Mapping[str, Comparison]) -> Iterator[Sample]:
        for sample in metric.samples:
            model = dict(sample.labels).get(_MODEL, "")
            if model not in others or metric.name not in _VERDICTS:
                yield sample
                continue
            is_of_candidate = metric.name in _OF_CANDIDATES
            if others[model].differs_by_candidate(self._comparisons[model]) and not is_of_candidate:
                yield sample


def handed_over(metrics: Iterable[Metric]) -> tuple[Counted, ...]:
    """Metrics of prometheus_client, in a form that travels."""
    return tuple(
        Counted(
            metric.name,
            metric.documentation,
            metric.type,
            tuple(Sample(each.name, tuple(each.labels.items()), each.value) for each in metric.samples),
        )
        for metric in metrics
    )


def _counts_of(handed: HandOver) -> tuple[Counted, ...]:
    return tuple(metric for metric in handed.metrics if metric.kind in _COUNTS)


def _gauges_of(handed: HandOver) -> tuple[Counted, ...]:
    return tuple(metric for metric in handed.metrics if metric.kind not in _COUNTS)


def _joined(many: Iterable[tuple[Counted, ...]]) -> Iterator[Counted]:
    """One value for each series: the sum; of a gauge that should be the same everywhere, the largest."""
    heads: dict[str, Counted] = {}
    values: defaultdict[str, dict[_Series, float]] = defaultdict(dict)
    for metric in (metric for metrics in many for metric in metrics):
        heads.setdefault(metric.name, metric)
        found = values[metric.name]
        is_summed = metric.kind in _COUNTS or metric.name in _SUMMED
        for name, labels, value in metric.samples:
            before = found.get((name, labels))
            if before is not None:
                value = before + value if is_summed else max(before, value)
            found[name, labels] = value
    for name, head in heads.items():
        yield head._replace(samples=tuple(Sample(*series, value) for series, value in values[name].items()))


def _shown(counted: Counted) -> Metric:
    metric = Metric(counted.name, counted.help, counted.kind)
    for sample in counted.samples:
        metric.add_sample(sample.name, dict(sample.labels), sample.value)
    return metric


def _names(families: Iterable[Family]) -> frozenset[str]:
    return frozenset(family.name.removesuffix("_total") for family in families)


_VERDICTS = _names(family for family in FAMILIES if family.kind in _COUNTS and family not in OF_THE_SERVICE)
_OF_CANDIDATES = _names(OF_THE_CANDIDATE)
_SUMMED = _names(family for family in (*FAMILIES, *SERVER_FAMILIES) if family.kind == "sum")
