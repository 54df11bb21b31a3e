"""What is so at this moment: asked when it is scraped, so that nothing is left of what is gone."""

from collections.abc import Callable, Iterator

import psutil
from prometheus_client.metrics_core import GaugeMetricFamily

from groupnl.metrics import (
    CONNECTIONS,
    IN_HAND,
    MACHINE_CPU,
    MACHINE_MEMORY,
    QUEUE_BYTES,
    QUEUE_LENGTH,
    QUEUE_MOST,
    QUEUE_MOST_BYTES,
    START_TIME,
    WORKERS_READY,
    WORKERS_WANTED,
    Family,
)
from groupnl.server.pool.models import Models, Version
from groupnl.server.web.state import State

_OF_VERSIONS: tuple[tuple[Family, Callable[[Version], float]], ...] = (
    (WORKERS_WANTED, lambda version: version.serving.workers),
    (WORKERS_READY, lambda version: version.pool.ready),
    (QUEUE_LENGTH, lambda version: version.pool.waiting),
    (QUEUE_MOST, lambda version: version.serving.queue_size),
    (QUEUE_BYTES, lambda version: version.pool.waiting_bytes),
    (QUEUE_MOST_BYTES, lambda version: version.serving.queue_bytes),
)


class Gauges:
    """A collector of prometheus_client; it is asked in another thread than the server's.

    Args:
        models: that are served.
        state: of the server.
        connections: tells how many are open.
    """

    def __init__(self, models: Models, state: State, connections: Callable[[], int]) -> None:
        self._models = models
        self._state = state
        self._connections = connections
        self._started = psutil.Process().create_time()
        psutil.cpu_percent()  # the next call tells the mean since this one

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: nobody else has these names."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures."""
        versions = list(self._models)
        for family, value_of in _OF_VERSIONS:
            gauge = _gauge(family)
            # Two versions with the same number are one series.
            values: dict[tuple[str, str], float] = {}
            for version in versions:
                key = version.name, version.number
                values[key] = values.get(key, 0) + value_of(version)
            for key, value in values.items():
                gauge.add_metric(list(key), value)
            yield gauge
        for family, value in (
            (START_TIME, self._started),
            (IN_HAND, self._state.in_hand),
            (CONNECTIONS, self._connections()),
            (MACHINE_CPU, psutil.cpu_percent() / 100),
            (MACHINE_MEMORY, psutil.virtual_memory().percent / 100),
        ):
            gauge = _gauge(family)
            gauge.add_metric([], value)
            yield gauge


def _gauge(family: Family) -> GaugeMetricFamily:
    return GaugeMetricFamily(family.name, family.help, labels=family.all_labels)
