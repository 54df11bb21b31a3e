"""How much of what is counted is shown: with many replicas, series are what Prometheus pays for.

Everything is counted, kept and handed over in full; only the page has less. Where severities are added up their label
is left out, so that every sum stays what it was, also beside replicas that show it. What would be wrong without a label
is shown with it, or not at all.
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics_core import GaugeMetricFamily

from groupnl.metrics import ADDED_UP, FAMILIES, MEANS, NONE, OF_ANSWERS, SHOWN_DETAIL, Detail, Family

_SEVERITY = "severity"
_ENDLESS = "+Inf"  # the bucket that a histogram always has


class Shown:
    """What is registered, in less detail, and the word for that, so that nobody takes it for all; a collector.

    Args:
        registry: with everything.
        detail: how much of it is shown.
        names: of the series that are asked for; None: all.
    """

    def __init__(self, registry: CollectorRegistry, detail: Detail, names: Sequence[str] | None = None) -> None:
        self._registry = registry
        self._detail = detail
        self._names = names

    def collect(self) -> Iterator[Metric]:
        """The metrics at this moment."""
        names = self._names
        source = self._registry if names is None else self._registry.restricted_registry(names)
        yield from thinned(source.collect(), self._detail)
        if self._detail != "cells" and (names is None or SHOWN_DETAIL.name in names):
            gauge = GaugeMetricFamily(SHOWN_DETAIL.name, SHOWN_DETAIL.help, labels=SHOWN_DETAIL.all_labels)
            gauge.add_metric([self._detail], 1)
            yield gauge

    def restricted_registry(self, names: Sequence[str]) -> "Shown":
        """The same of these series alone; prometheus_client asks for it by this name."""
        return Shown(self._registry, self._detail, names)


def thinned(metrics: Iterable[Metric], detail: Detail) -> Iterator[Metric]:
    """The metrics of the service, in less detail.

    Args:
        metrics: all of them; they stay as they are.
        detail: ``cells``: everything. ``corruptions``: without severities where they are only added up, and without
            buckets that nothing asks for: what is left out is the view of single cells. ``answers``: also without
            whatever is said of chosen images, probe sets and labels.
    """
    for metric in metrics:
        if detail == "cells" or metric.name not in _NAMES:  # what the server itself counts has no such labels
            yield metric
        elif detail == "answers" and metric.name not in _OF_ANSWERS:
            continue
        elif metric.name in _ADDED_UP:
            yield _without_severities(metric)
        elif metric.name in _MEANS:
            yield _without_buckets(metric)
        else:
            yield metric


def _without_severities(metric: Metric) -> Metric:
    """That of images without corruption is not added to others'."""
    sums: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for sample in metric.samples:
        is_clean = sample.labels["corruption"] == NONE
        labels = tuple(each for each in sample.labels.items() if is_clean or each[0] != _SEVERITY)
        sums[sample.name, labels] = sums.get((sample.name, labels), 0.0) + sample.value
    less = _empty(metric)
    for (name, labels), value in sums.items():
        less.add_sample(name, dict(labels), value)
    return less


def _without_buckets(metric: Metric) -> Metric:
    less = _empty(metric)
    less.samples = [sample for sample in metric.samples if sample.labels.get("le", _ENDLESS) == _ENDLESS]
    return less


def _empty(metric: Metric) -> Metric:
    return Metric(metric.name, metric.documentation, metric.type, metric.unit)


def _names(families: Iterable[Family]) -> frozenset[str]:
    """As prometheus_client calls a metric: a counter without its ending."""
    return frozenset(family.name.removesuffix("_total") for family in families)


_NAMES, _OF_ANSWERS, _ADDED_UP, _MEANS = map(_names, (FAMILIES, OF_ANSWERS, ADDED_UP, MEANS))
