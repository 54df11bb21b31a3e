"""What a service on a cluster has counted: at the address of the totals, and at each replica's own."""

import json
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from groupnl.cluster.collector import TARGETS
from groupnl.metrics import FAMILIES, OF_THE_SERVICE, Family
from groupnl_studies.harness.ports import HOST

Series = tuple[str, frozenset[tuple[str, str]]]
"""A counter, or a part of a histogram: its name and labels."""
Counted = Mapping[Series, float]
_COUNTS = ("counter", "histogram")
_PARTS = ("", "_bucket", "_sum", "_count")
_CLOSE = 1e-6  # between sums of seconds that were added in another order
_VERDICTS = {f"{family.name}{part}" for family in FAMILIES if family not in OF_THE_SERVICE for part in _PARTS}


class Reading(NamedTuple):
    """What is shown at one place, and what must be at least and at most, because of what was read elsewhere.

    Attributes:
        counted: what is shown.
        low: of a moment before.
        high: of a moment after.
    """

    counted: Counted
    low: Counted
    high: Counted


class Pages:
    """Asks for what is counted.

    Args:
        port: of the totals.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}"

    def totals(self) -> Counted:
        """The sum over all replicas, as the cluster shows it."""
        return _counted(_get(f"{self.url}/metrics"))

    def of_replicas(self, running: Iterable[str]) -> dict[str, Counted]:
        """What each of these replicas shows at its own address, which the cluster tells."""
        groups = json.loads(_get(f"{self.url}{TARGETS}"))
        addresses = {group["labels"]["replica"]: group["targets"][0] for group in groups}
        return {name: _counted(_get(f"http://{addresses[name]}/metrics")) for name in running}

    def send_labels(self, labels: list[dict[str, Any]]) -> dict[str, Any]:
        """What becomes of labels that are sent to the totals."""
        answer: dict[str, Any] = json.loads(_get(f"{self.url}/labels", json.dumps(labels).encode()))
        return answer


def total(counted: Counted, family: Family, **labels: str) -> int:
    """The sum of a counter's series that have these labels."""
    return round(sum(value for (name, its), value in counted.items() if name == family.name and labels.items() <= its))


def added(several: Iterable[Counted]) -> Counted:
    """The sum of each series."""
    sums: defaultdict[Series, float] = defaultdict(float)
    for counted in several:
        for series, value in counted.items():
            sums[series] += value
    return sums


def of_verdicts(counted: Counted) -> Counted:
    """Those that say something of an archive, and begin anew with another one."""
    return {series: value for series, value in counted.items() if series[0] in _VERDICTS}


def below(counted: Counted, low: Counted) -> bool:
    """Whether a series is less than it was at a moment before, elsewhere."""
    return any(counted.get(series, 0.0) < value - _CLOSE for series, value in low.items())


def outside(reading: Reading) -> list[str]:
    """The series that are not what they must be; what stands nowhere is 0."""
    wrong = []
    for series in sorted({name for part in reading for name in part}, key=str):
        found, least, most = (part.get(series, 0.0) for part in reading)
        if not least - _CLOSE <= found <= most + _CLOSE:
            name, labels = series
            wrong.append(f"{name}{dict(sorted(labels))}: {found:g} is not {least:g} to {most:g}")
    return wrong


def _counted(text: str) -> Counted:
    families = [family for family in text_string_to_metric_families(text) if family.type in _COUNTS]
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def _get(url: str, body: bytes | None = None) -> str:
    with urllib.request.urlopen(url, body, timeout=60) as answer:  # noqa: S310 (of this machine)
        text: str = answer.read().decode()
        return text
