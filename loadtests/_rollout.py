"""New versions, a worker that is killed, a stop: nobody who asks meanwhile may notice."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from loadtests._operator import Operator
from loadtests._record import Check, Json, Order, Outcome, Verdict, latencies, per_second, percentile_lines, percentiles
from loadtests._scenario import LEAD_S, Paced, count_check, error_check, p95_check
from loadtests._settings import NO_MANAGEMENT, LoadTestError, Settings
from loadtests._workers import Sighting

QUIET_S = 5.0
STEADY = "steady"
STOP = "stop"

Act = Callable[[Operator], None]


class Event(NamedTuple):
    """Something that was done to the service, in seconds from the start of the run; why it did not succeed."""

    name: str
    begin_s: float
    end_s: float
    problem: str = ""


class Rollout(Paced):
    """The models in turn at a steady rate, until all events have happened, with a quiet time before each."""

    keeps_workers = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.events: list[Event] = []
        self._stopping = False

    @property
    def may_refuse(self) -> bool:
        """From the stop on."""
        return self._stopping

    def schedule(self) -> Iterator[Order]:
        """Equal distances, without an end."""
        return self.in_turn()

    def beside(self, operator: Operator, now_s: Callable[[], float]) -> None:
        """One event after the other; then the load ends."""
        try:
            time.sleep(LEAD_S)
            for name, act in self._plan():
                self._happen(name, partial(act, operator), now_s)
            if not self._stopping:
                time.sleep(self._quiet_s)
        finally:
            self.over = True

    def verdict(self, sightings: Sequence[Sighting]) -> Verdict:
        """Percentiles while nothing happened and during each event, and whether each succeeded."""
        by_model = {m: [o for o in self.outcomes if o.order.model == m] for m in self.models}
        phases = {STEADY: [o for o in self.outcomes if not any(_meets(o, event) for event in self.events)]}
        phases |= {event.name: [o for o in self.outcomes if _meets(o, event)] for event in self.events}
        rows = {name: percentiles(latencies(outcomes)) for name, outcomes in phases.items()}
        figures: Json = {
            "models": {m: percentiles(latencies(outcomes)) for m, outcomes in by_model.items()},
            "phases": rows,
            "events": [event._asdict() for event in self.events],
            "refused": sum(outcome.refused for outcome in self.outcomes),
            "per_second": per_second(self.outcomes),
        }
        strict = replace(self.settings, max_error_ratio=0.0)
        checks = [
            error_check(strict, self.outcomes),
            count_check(strict, self.outcomes, self.models),
            p95_check(strict, STEADY, phases[STEADY]),
            *(self._event_check(name) for name, _ in self._plan()),
        ]
        return Verdict([f"{strict.rate:g} requests/s in all", *percentile_lines(rows.items())], figures, checks)

    @property
    def _quiet_s(self) -> float:
        return self.settings.duration_s or QUIET_S

    def _plan(self) -> Iterator[tuple[str, Act]]:
        if self.settings.management_socket != NO_MANAGEMENT:
            for model in self.models:
                yield f"reload {model}", partial(Operator.reload, model=model)
        yield f"kill -9 {self.models[0]}", partial(Operator.kill, model=self.models[0])
        if self.settings.stop_pid:
            yield STOP, Operator.stop

    def _happen(self, name: str, act: Callable[[], None], now_s: Callable[[], float]) -> None:
        time.sleep(self._quiet_s)
        if self.over:  # stopped by hand
            return
        begin_s, problem = now_s(), ""
        self._stopping = name == STOP
        try:
            act()
        except LoadTestError as error:
            problem = str(error)
        self.events.append(Event(name, begin_s, now_s(), problem))

    def _event_check(self, name: str) -> Check:
        event = next((event for event in self.events if event.name == name), None)
        if event is None:
            return Check(False, f"{name}: the run did not come to it")
        if event.problem:
            return Check(False, f"{name}: {event.problem}")
        took = f"{name}: {event.end_s - event.begin_s:.1f} s"
        if name != STOP:
            return Check(True, f"{took}, until all workers were ready")
        late = [o for o in self.outcomes if o.at_s >= event.begin_s]
        refused, answered = (sum(of) for of in ([o.refused for o in late], [o.answered for o in late]))
        return Check(True, f"{took}; {answered} later requests answered, {refused} refused, as nobody listened")


def _meets(outcome: Outcome, event: Event) -> bool:
    """The request was under way while the event was."""
    return outcome.at_s < event.end_s and outcome.end_s > event.begin_s
