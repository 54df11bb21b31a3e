"""What replicas show that show less than they count, for the unit tests of Prometheus' rules."""

from collections.abc import Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from groupnl.metrics import FAMILIES, Detail
from groupnl.server.observed.detail import thinned

_ENDS = {"counter": ("",), "histogram": ("_bucket", "_sum", "_count")}
_KINDS = {
    f"{family.name}{end}": (family.name.removesuffix("_total"), family.kind)
    for family in FAMILIES
    for end in _ENDS.get(family.kind, ("",))
}


def shown(given: Iterable[tuple[str, float]], detail: Detail, replica: str) -> Iterator[tuple[str, float]]:
    """The series of a replica in this detail.

    Args:
        given: each series, as it is written, with its value.
        detail: how much of them is shown.
        replica: its name.
    """
    metrics: dict[str, Metric] = {}
    for text, value in given:
        for parsed in text_string_to_metric_families(f"{text} {value!r}\n"):
            (sample,) = parsed.samples
            name, kind = _KINDS[sample.name]
            metric = metrics.setdefault(name, Metric(name, "", kind if kind in _ENDS else "gauge"))
            metric.add_sample(sample.name, sample.labels, sample.value)
    for metric in thinned(metrics.values(), detail):
        for sample in metric.samples:
            labels = ", ".join(f'{name}="{value}"' for name, value in (sample.labels | {"instance": replica}).items())
            yield f"{sample.name}{{{labels}}}", sample.value
