"""groupnl report over two replicas behind a real Prometheus, also when they have ended."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from support.prometheus import Prometheus, tools
from support.reported_traffic import LOST, count_looks, expect
from support.waiting import until, until_equal

from groupnl.cli import main
from groupnl.corruptions.names import CELLS, Cell
from groupnl.errors import ServerError
from groupnl.metrics import CLEAN, PROBE_CORRECT, PROBE_IMAGES, PROBE_SET_IMAGES, REQUESTS, SHADOW_PAIRS, Metrics
from groupnl.report.figures import ModelFigures, figures_of
from groupnl.report.samples import read_prometheus
from groupnl_studies.harness.ports import free_ports

pytestmark = pytest.mark.slow

SINCE = "5m"
# Prometheus extends what it saw to the window's ends, by half a scrape or one: much, where it saw ten.
ESTIMATE = 0.3


class Replica:
    """A service's endpoint that has counted nothing yet."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._metrics = Metrics("m", registry)
        self._metrics.set(PROBE_SET_IMAGES, 20)
        expect(self._metrics)
        self.count(0)
        (self.port,) = free_ports(1)
        self._server, self._thread = start_http_server(self.port, "127.0.0.1", registry)
        self._runs = True

    def count(self, amount: float) -> None:
        self._metrics.inc(REQUESTS, amount, code="200")
        self._metrics.inc(PROBE_IMAGES, amount, **CLEAN)
        self._metrics.inc(PROBE_CORRECT, amount / 2, **CLEAN)
        count_looks(self._metrics, amount, {None: 0.5, Cell("motion_blur", 3): 0.5})
        for corruption, severity in CELLS:
            self._metrics.inc(SHADOW_PAIRS, amount, corruption=corruption, severity=str(severity))

    def end(self) -> None:
        if self._runs:
            self._runs = False
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


class Readings(NamedTuple):
    """What is told at three times: with both replicas, with one ended, with both ended."""

    both: ModelFigures
    one: ModelFigures
    one_since: ModelFigures
    none: str
    none_since: ModelFigures
    page_of_both: str
    page_of_one: str


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readings]:
    tools()  # skips where there are none
    folder = tmp_path_factory.mktemp("replicas")
    stays, ends = replicas = (Replica(), Replica())
    targets = ", ".join(f"'127.0.0.1:{replica.port}'" for replica in replicas)
    config = folder / "prometheus.yml"
    config.write_text(
        f"global: {{scrape_interval: 500ms}}\n"
        f"scrape_configs: [{{job_name: groupnl, static_configs: [{{targets: [{targets}]}}]}}]\n"
    )
    prometheus = Prometheus(config, folder / "data")
    try:
        prometheus.wait_until_ready()
        yield _read(prometheus, stays, ends, folder / "page.html")
    finally:
        prometheus.stop()
        for replica in replicas:
            replica.end()


def _read(prometheus: Prometheus, stays: Replica, ends: Replica, file: Path) -> Readings:
    def figures(since: str | None) -> ModelFigures:
        return figures_of(read_prometheus(prometheus.url, since), "m", since=since)

    def page() -> str:
        assert main(["report", "--prometheus", prometheus.url, "--output", str(file)]) == 0
        return file.read_text(encoding="utf-8")

    def counted() -> list[float]:
        return sorted(float(found["value"][1]) for found in prometheus.query(REQUESTS.name))

    def scrapes() -> float:
        """Of the replica that was scraped least."""
        return min(float(found["value"][1]) for found in prometheus.query(f"count_over_time({REQUESTS.name}[1h])"))

    until_equal(counted, [0, 0])
    until(lambda: scrapes() >= 5)  # so that an estimate has some to rest on
    stays.count(100)
    ends.count(300)
    until_equal(counted, [100, 300])
    scraped = scrapes()
    until(lambda: scrapes() >= scraped + 3)
    both, page_of_both = figures(None), page()
    ends.end()
    until_equal(counted, [100])
    one, one_since = figures(None), figures(SINCE)
    page_of_one = page()
    stays.end()
    until_equal(counted, [])
    with pytest.raises(ServerError) as nothing:
        figures(None)
    return Readings(both, one, one_since, str(nothing.value), figures(SINCE), page_of_both, page_of_one)


def test_replicas_are_added_up_and_what_is_the_same_in_all_is_not(readings: Readings) -> None:
    both = readings.both
    assert (both.requests["200"], both.agreement.total) == (400, 400 * len(CELLS))
    assert both.probe is not None
    assert (both.probe.clean.total, both.probe.clean.value, both.probe.images) == (400, 0.5, 20)


def test_without_a_time_only_running_replicas_count_and_the_page_says_so(readings: Readings) -> None:
    assert readings.one.requests["200"] == 100
    assert "Counted by all 2 replicas of the last hour, each since its counts began" in readings.page_of_both
    assert "Counted by 1 of the 2 replicas of the last hour, each since its counts began" in readings.page_of_one


@pytest.mark.parametrize("reading", ["one_since", "none_since"])
def test_over_a_time_replicas_count_that_have_ended(readings: Readings, reading: str) -> None:
    figures: ModelFigures = getattr(readings, reading)
    assert figures.requests["200"] == pytest.approx(400, rel=ESTIMATE)
    assert figures.agreement.total == pytest.approx(400 * len(CELLS), rel=ESTIMATE)
    assert figures.probe is not None
    assert figures.probe.images == 20  # else each replayed image would count as a new one
    low, high = figures.probe.clean.interval
    assert high - low == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("reading", ["both", "one_since", "none_since"])
def test_what_the_traffic_is_like_is_told_of_all_replicas(readings: Readings, reading: str) -> None:
    figures: ModelFigures = getattr(readings, reading)
    assert figures.traffic is not None
    mixture = figures.traffic.mixture
    assert mixture.images == pytest.approx(400, rel=ESTIMATE)
    (told,) = mixture.told
    assert told.corruption == "motion_blur"
    assert told.share.value == pytest.approx(0.5, abs=0.05)
    assert told.cost == pytest.approx(3 * LOST)  # a gauge is that of each replica, not their sum
    assert figures.traffic.since == (None if reading == "both" else SINCE)


def test_when_all_have_ended_it_is_told_what_to_do(readings: Readings) -> None:
    assert "Replicas that do not answer now are counted with --since only" in readings.none
