"""A moderate load for a long time: nothing wears out."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from statistics import median

from loadtests._images import Image, varied_images
from loadtests._record import Check, Json, Order, Verdict, latencies, per_second, percentile_lines, percentiles
from loadtests._scenario import Paced, count_check, error_check, p95_check
from loadtests._workers import Sighting, memory_series

DURATION_S = 600.0
MINUTE_S = 60.0
# Memory is compared between the first and the last third of at least so many measurements, one a minute.
THIRD = 3
LEAST_SAMPLES = 6
GROWTH = 1.2


class Soak(Paced):
    """All models in turn, images of many kinds."""

    @property
    def images(self) -> tuple[Image, ...]:
        """Of many sizes and formats."""
        return varied_images()

    def schedule(self) -> Iterator[Order]:
        """Equal distances; every image goes to every model."""
        requests = self.settings.rate * (self.settings.duration_s or DURATION_S)
        return takewhile(lambda order: order.turn < requests, self.in_turn())

    def verdict(self, sightings: Sequence[Sighting]) -> Verdict:
        """Percentiles of each model, and how their workers' memory went."""
        by_model = {m: [o for o in self.outcomes if o.order.model == m] for m in self.models}
        rows = {m: percentiles(latencies(outcomes)) for m, outcomes in by_model.items()}
        memory = _each_minute(memory_series(sightings))
        checks = [
            error_check(self.settings, self.outcomes),
            count_check(self.settings, self.outcomes, self.models),
            *(p95_check(self.settings, m, outcomes) for m, outcomes in by_model.items()),
            *(growth_check(model, series) for model, series in memory.items() if len(series) >= LEAST_SAMPLES),
        ]
        lines = [f"{self.settings.rate:g} requests/s in all", *percentile_lines(rows.items()), *_memory_lines(memory)]
        figures: Json = {"models": rows, "memory_mib": memory, "per_second": per_second(self.outcomes)}
        return Verdict(lines, figures, checks)


def growth_check(model: str, series: Sequence[tuple[float, float]]) -> Check:
    """The median of the last third of the measurements against that of the first."""
    values = [mib for _, mib in series]
    part = len(values) // THIRD
    first, last = median(values[:part]), median(values[-part:])
    sentence = f"memory of {model} went from {first:.0f} to {last:.0f} MiB, {first * GROWTH:.0f} MiB allowed"
    return Check(last <= first * GROWTH, sentence)


def _each_minute(series: dict[str, list[tuple[float, float]]]) -> dict[str, list[tuple[float, float]]]:
    """The last measurement of each minute: TorchServe makes no more than that."""
    return {model: list({int(row[0] // MINUTE_S): row for row in rows}.values()) for model, rows in series.items()}


def _memory_lines(memory: dict[str, list[tuple[float, float]]]) -> list[str]:
    lines = [f"memory of {model}: {rows[0][1]:.0f} to {rows[-1][1]:.0f} MiB" for model, rows in memory.items()]
    if all(len(rows) < LEAST_SAMPLES for rows in memory.values()):
        lines.append(f"memory growth is judged from {LEAST_SAMPLES} measurements on; TorchServe makes one a minute")
    return lines
