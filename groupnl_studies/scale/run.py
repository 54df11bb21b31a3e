"""Measures a Prometheus beside more and more replicas, and fits what each one needs."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from groupnl_studies.scale.exporter import Page
from groupnl_studies.scale.prometheus import Prometheus, Replicas

_POLL_S = 1.0
_STEADY = 0.5  # share of the time after which series have been made, and figures are of scraping alone

Tell = Callable[[str], None]


class Load(NamedTuple):
    """What is measured.

    Attributes:
        binary: Prometheus' program.
        page: file with what one replica shows.
        rules: folder of rule files; None: no rules.
        interval_s: seconds between two scrapes.
        seconds: that Prometheus runs.
    """

    binary: Path
    page: Path
    rules: Path | None
    interval_s: float
    seconds: float


class Need(NamedTuple):
    """What Prometheus needed for so many replicas.

    Attributes:
        replicas: how many.
        series: that it held, those that rules record among them.
        samples: of the replicas, scraped each time.
        memory: most bytes resident.
        cores: that it kept busy, once all series were there.
        rules_s: seconds for all rules once, of the last time.
    """

    replicas: int
    series: int
    samples: int
    memory: int
    cores: float
    rules_s: float


def measure(load: Load, replicas: int, folder: Path) -> Need:
    """Start a Prometheus with so many replicas, and look at it until the time is over.

    Args:
        load: what is measured.
        replicas: how many.
        folder: for its data; must be empty.

    Raises:
        ServerError: it does not start, or ends.
    """
    with Replicas(folder / "exporter", load.page) as exporter:
        exporter.wait_until_ready()
        port = exporter.inference_port
        with Prometheus(folder, load.binary, load.rules, port, replicas, load.interval_s) as prometheus:
            prometheus.wait_until_ready()
            return _watched(prometheus, load, replicas)


def _watched(prometheus: Prometheus, load: Load, replicas: int) -> Need:
    began = time.monotonic()
    memory, steady = 0.0, (began, 0.0)
    while (now := time.monotonic()) < began + load.seconds:
        prometheus.check_alive()
        seen = prometheus.own_metrics()
        memory = max(memory, seen.total("process_resident_memory_bytes"))
        if now < began + _STEADY * load.seconds:
            steady = now, seen.total("process_cpu_seconds_total")
        time.sleep(_POLL_S)
    seen, now = prometheus.own_metrics(), time.monotonic()
    return Need(
        replicas=replicas,
        series=round(seen.total("prometheus_tsdb_head_series")),
        samples=replicas * Page(load.page.read_text(encoding="utf-8")).series,
        memory=round(memory),
        cores=(seen.total("process_cpu_seconds_total") - steady[1]) / (now - steady[0]),
        rules_s=seen.total("prometheus_rule_group_last_duration_seconds"),
    )


class Line(NamedTuple):
    """A straight line through what was measured.

    Attributes:
        start: its value without replicas.
        each: what one replica adds.
    """

    start: float
    each: float

    @classmethod
    def through(cls, replicas: Sequence[int], values: Sequence[float]) -> "Line":
        """The line of least squares; of two different numbers of replicas at least."""
        each, start = np.polyfit(np.array(replicas, float), np.array(values, float), 1)
        return cls(float(start), float(each))

    def at(self, replicas: int) -> float:
        """Its value for so many replicas."""
        return self.start + self.each * replicas
