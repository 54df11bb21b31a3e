"""What a running service has counted: one reading of its metrics endpoint."""

import time
import urllib.request
from collections.abc import Callable
from typing import Self

from groupnl.corruptions.names import Cell
from groupnl.errors import ServerError
from groupnl.metrics import NONE, SHADOW_DROPPED, SHADOW_PAIRS, SHADOW_SAMPLED, Family
from groupnl.report.samples import parse
from groupnl_studies.harness.ports import HOST
from groupnl_studies.harness.service import RunningService

POLL_S = 0.5


class Scrape:
    """Samples of one moment.

    Args:
        text: in Prometheus' format.
    """

    def __init__(self, text: str) -> None:
        self._samples = parse(text)

    @classmethod
    def of(cls, service: RunningService) -> Self:
        """Read a service's endpoint. Raises OSError when nobody answers."""
        address = f"http://{HOST}:{service.metrics_port}/metrics"
        with urllib.request.urlopen(address, timeout=30) as answer:
            return cls(answer.read().decode())

    def total(self, family: Family, **labels: str) -> int:
        """Sum of a counter's samples that have these labels."""
        return round(self._samples.total(family.name, **labels))

    def by(self, label: str, family: Family, **labels: str) -> dict[str, int]:
        """A counter's sums, one for each value of a label."""
        return {value: round(total) for value, total in self._samples.by(label, family.name, **labels).items()}

    def by_cell(self, family: Family, model: str) -> dict[Cell, int]:
        """A counter's values in the cells of one model, the clean answer's place left out."""
        return {
            Cell(sample.labels["corruption"], int(sample.labels["severity"])): round(sample.value)
            for sample in self._samples.matching(family.name, model=model)
            if sample.labels["corruption"] != NONE
        }


def waiting(scrape: Scrape) -> int:
    """Chosen images of all models that were neither answered again nor dropped."""
    return scrape.total(SHADOW_SAMPLED) - scrape.total(SHADOW_PAIRS) - scrape.total(SHADOW_DROPPED)


def wait_until(service: RunningService, done: Callable[[Scrape], bool], limit_s: float, what: str) -> Scrape:
    """Read the endpoint again and again until it says what is waited for.

    Args:
        service: that is asked.
        done: whether a reading is what is waited for.
        limit_s: how long to wait at most.
        what: is waited for, in words.

    Raises:
        ServerError: the service ended, or the time is over.
    """
    deadline = time.monotonic() + limit_s
    while not done(scrape := Scrape.of(service)):
        service.check_alive()
        if time.monotonic() > deadline:
            raise ServerError(f"{what}: not within {limit_s:g} s")
        time.sleep(POLL_S)
    return scrape
