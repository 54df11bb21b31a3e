"""More than the service can do: it must say so at once, lose nothing, and be itself again afterwards."""

from collections.abc import Iterator, Sequence
from itertools import count, takewhile

from loadtests._record import (
    Check,
    Json,
    Order,
    Outcome,
    Verdict,
    latencies,
    per_second,
    percentile_lines,
    percentiles,
    quantile_ms,
)
from loadtests._scenario import LEAD_S, Paced, count_check, error_check, p95_check
from loadtests._workers import Sighting

NORMAL_S = 8.0  # before and after, but no longer than the overload
OVERLOAD_S = 10.0
# Afterwards the 95th percentile may be this many times that before, and so many milliseconds more, which is noise.
SLOWER = 2.0
NOISE_MS = 100.0
PHASES = ("before", "overload", "recovery", "after")


class Spike(Paced):
    """A steady rate to the first model, then far too many, then the steady rate again."""

    @property
    def models(self) -> tuple[str, ...]:
        """Only the first: each model has a queue of its own."""
        return self.settings.models[:1]

    def users(self, now_s: float) -> int:
        """Enough to fill the queue and to go on asking."""
        return max(self.settings.spike_users, super().users(now_s))

    def schedule(self) -> Iterator[Order]:
        """Phase after phase; 503 is a right answer while overloaded, and until the time for recovery is over."""
        (model,), turn, start_s = self.models, 0, LEAD_S
        for phase, (seconds, rate) in zip(PHASES, self._phases(), strict=True):
            for number in takewhile(lambda number: number < seconds * rate, count()):  # noqa: B023 (used up here)
                image = self.images[turn % len(self.images)]
                busy = phase in ("overload", "recovery")
                due_s = start_s + number / rate
                yield Order(model, image, f"{model} {phase}", due_s, may_be_busy=busy, turn=turn)
                turn += 1
            start_s += seconds

    def verdict(self, sightings: Sequence[Sighting]) -> Verdict:
        """Percentiles of each phase, the refusals, and how long it took to become normal."""
        phases = {phase: self._of(phase) for phase in PHASES}
        busy = [outcome.seconds for outcome in self.outcomes if outcome.busy]
        rows = {phase: percentiles(latencies(outcomes)) for phase, outcomes in phases.items()}
        rows["503, queue full"] = percentiles(busy)
        recovery_s = self._recovery_s(phases)
        lines = [
            f"{self.settings.spike_rate:g} requests/s for {self._overload_s:g} s to {self.models[0]}",
            *percentile_lines(rows.items()),
            f"normal again {recovery_s:.1f} s after the overload",
        ]
        figures: Json = {"phases": rows, "recovery_s": round(recovery_s, 2), "per_second": per_second(self.outcomes)}
        figures["overload_s"] = [self._end_s - self._overload_s, self._end_s]
        return Verdict(lines, figures, self._checks(phases, busy))

    @property
    def _overload_s(self) -> float:
        return self.settings.duration_s or OVERLOAD_S

    @property
    def _normal_s(self) -> float:
        return min(NORMAL_S, self._overload_s)

    @property
    def _end_s(self) -> float:
        """Of the overload."""
        return LEAD_S + self._normal_s + self._overload_s

    def _phases(self) -> list[tuple[float, float]]:
        rate = self.settings.rate
        overload = (self._overload_s, self.settings.spike_rate)
        return [(self._normal_s, rate), overload, (self.settings.recovery_s, rate), (self._normal_s, rate)]

    def _of(self, phase: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.order.label.endswith(f" {phase}")]

    def _checks(self, phases: dict[str, list[Outcome]], busy: list[float]) -> list[Check]:
        settings, limit_ms = self.settings, self._normal_ms(phases)
        slow_ms, after_ms = quantile_ms(busy, 0.95), quantile_ms(latencies(phases["after"]), 0.95)
        full = f"{len(busy)} requests answered 503, queue full"
        went_on = len(latencies(phases["overload"]))
        if not busy:
            full += ": this was no overload; raise --spike-rate, or --spike-users above the service's queue size"
        return [
            error_check(settings, self.outcomes),
            count_check(settings, self.outcomes, self.models),
            p95_check(settings, "before the overload", phases["before"]),
            Check(bool(busy), full),
            Check(slow_ms <= settings.max_busy_ms, f"503: p95 {slow_ms:.0f} ms, {settings.max_busy_ms:.0f} ms allowed"),
            Check(bool(went_on), f"{went_on} predictions came while overloaded"),
            Check(after_ms <= limit_ms, f"after recovery: p95 {after_ms:.0f} ms, {limit_ms:.0f} ms is normal"),
        ]

    def _normal_ms(self, phases: dict[str, list[Outcome]]) -> float:
        return SLOWER * quantile_ms(latencies(phases["before"]), 0.95) + NOISE_MS

    def _recovery_s(self, phases: dict[str, list[Outcome]]) -> float:
        """Seconds from the overload's end to the last request that was refused, wrong or slower than normal."""
        limit_s = self._normal_ms(phases) / 1000
        late = phases["recovery"] + phases["after"]
        return max((o.at_s - self._end_s for o in late if not o.answered or o.seconds > limit_s), default=0.0)
