"""What the service has counted, as plain samples: read from its endpoint, or from a Prometheus that scraped it."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Annotated, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from groupnl.base.texts import form
from groupnl.errors import ServerError
from groupnl.metrics import FAMILIES, REQUESTS, SHOWN_DETAIL, Family

TIMEOUT_S = 30.0
Duration = Annotated[str, form(r"[1-9][0-9]{0,5}(ms|s|m|h|d|w|y)", "a time such as 90m, 24h or 7d")]
"""How long, as Prometheus writes it."""


class Sample(NamedTuple):
    """One value.

    Attributes:
        name: of the series; a histogram's ends in ``_bucket``, ``_sum`` or ``_count``.
        labels: name -> value, without those that say where it was scraped.
        value: summed over workers and replicas by the reader.
    """

    name: str
    labels: Mapping[str, str]
    value: float


class Samples:
    """The samples of one reading.

    Args:
        samples: all of them.
    """

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._by_name: dict[str, list[Sample]] = {}
        for sample in samples:
            self._by_name.setdefault(sample.name, []).append(sample)

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels; 0 without any."""
        return sum(sample.value for sample in self.matching(name, **labels))

    def largest(self, name: str, **labels: str) -> float | None:
        """The largest of them, for values that are the same everywhere; None without any."""
        return max((sample.value for sample in self.matching(name, **labels)), default=None)

    def by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """Their sums, one for each value of a label, in order of appearance."""
        sums: dict[str, float] = {}
        for sample in self.matching(name, **labels):
            value = sample.labels.get(label)
            if value is not None:
                sums[value] = sums.get(value, 0.0) + sample.value
        return sums

    def matching(self, name: str, **labels: str) -> list[Sample]:
        """The samples that have these labels."""
        return [s for s in self._by_name.get(name, []) if labels.items() <= s.labels.items()]


def read_endpoint(url: str, key: str | None = None) -> Samples:
    """Read a service's own metrics endpoint.

    Args:
        url: its address, an `Url`.
        key: for it, where one is needed.

    Raises:
        ServerError: nobody answers, or not with metrics of this service.
    """
    text = _get(url if urllib.parse.urlsplit(url).path.strip("/") else url.rstrip("/") + "/metrics", key)
    try:
        return _checked(url, parse(text))
    except ValueError as error:
        raise ServerError(f"{url} does not answer with metrics: {error}") from None


def parse(text: str) -> Samples:
    """Samples in Prometheus' format. Raises ValueError for other text."""
    families = text_string_to_metric_families(text)
    return Samples(Sample(s.name, s.labels, s.value) for family in families for s in family.samples)


def read_prometheus(url: str, since: str | None) -> Samples:
    """Ask a Prometheus.

    Args:
        url: its address, an `Url`, as of its web page.
        since: a `Duration`; count over this last time only, also what replicas counted that have ended in it; None:
            what the replicas that run now have counted, each since its counts began.

    Raises:
        ServerError: nobody answers, or it has no metrics of this service.
    """
    at = _now(url)  # of all: a scrape between two queries makes counts that contradict each other
    series = [(family, name) for family in (*FAMILIES, SHOWN_DETAIL) for name in _series(family)]
    samples = [sample for family, name in series for sample in _query(url, family, name, since, at)]
    hint = "" if since else " Replicas that do not answer now are counted with --since only"
    return _checked(url, Samples(samples), hint)


class Replicas(NamedTuple):
    """How many services a Prometheus knows.

    Attributes:
        now: those whose counts it has at this moment. One whose last scrape failed is not among them.
        last_hour: those whose counts it had at any time in the last hour.
    """

    now: int
    last_hour: int


def read_replicas(url: str) -> Replicas:
    """Ask a Prometheus how many replicas it knows.

    Raises:
        ServerError: nobody answers, or not as a Prometheus does.
    """
    now, last_hour = (
        _ask(url, f"count(count by (instance, job) ({counts}))")
        for counts in (REQUESTS.name, f"last_over_time({REQUESTS.name}[1h])")
    )
    return Replicas(*(int(found[0][1]) if found else 0 for found in (now, last_hour)))


def _series(family: Family) -> tuple[str, ...]:
    if family.kind == "histogram":
        return tuple(f"{family.name}_{part}" for part in ("bucket", "sum", "count"))
    return (family.name,)


def _query(url: str, family: Family, name: str, since: str | None, at: float) -> list[Sample]:
    operator = "max" if family.kind == "same" else "sum"
    expression = f"{operator} without (instance, job) ({_expression(family, name, since)})"
    return [Sample(name, labels, value) for labels, value in _ask(url, expression, at)]


def _ask(url: str, expression: str, at: float | None = None) -> list[tuple[dict[str, str], float]]:
    """Labels and value of each series of the answer, as of a time in seconds since 1970; None: as of now."""
    query = urllib.parse.urlencode({"query": expression} | ({} if at is None else {"time": at}))
    try:
        answer = json.loads(_get(f"{url.rstrip('/')}/api/v1/query?{query}"))
        return [(result["metric"], float(result["value"][1])) for result in answer["data"]["result"]]
    except (ValueError, KeyError, TypeError, IndexError):
        raise _is_none(url) from None


def _now(url: str) -> float:
    """By its own clock, seconds since 1970."""
    for _, now in _ask(url, "vector(time())"):
        return now
    raise _is_none(url)


def _is_none(url: str) -> ServerError:
    return ServerError(f"{url} does not answer as a Prometheus does; is it an endpoint (--endpoint)?")


def _expression(family: Family, name: str, since: str | None) -> str:
    """One value for each replica."""
    if since is None or family.kind == "sum":  # who has ended has nothing waiting
        return name
    if family.kind == "same":  # a gauge goes with its replica, and what it says of the counts stays true
        return f"last_over_time({name}[{since}])"
    return f"increase({name}[{since}])"


def _get(url: str, key: str | None = None) -> str:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (an `Url`)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 (an `Url`)
            content: bytes = answer.read()
    except urllib.error.HTTPError as error:
        hint = "; name the file that has its key (--key-file)" if error.code == HTTPStatus.UNAUTHORIZED else ""
        raise ServerError(f"{url} answers {error.code} {error.reason}{hint}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ServerError(f"{url} cannot be read: {error}") from None
    return content.decode(errors="replace")


def _checked(url: str, samples: Samples, hint: str = "") -> Samples:
    if not samples.matching(REQUESTS.name):
        raise ServerError(
            f"{url} has no metrics of this service; is it the right address, and has a model started?{hint}"
        )
    return samples
