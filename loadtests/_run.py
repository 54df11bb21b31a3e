"""One run of one scenario: reference answers first, then the load with a look at the workers, then the verdict."""

import json
import sys
import time
from pathlib import Path

from loadtests._answers import Probabilities, prediction_fault, refusal_fault, status_fault
from loadtests._capacity import Capacity
from loadtests._hostile import Hostile
from loadtests._record import Check, Order, Outcome
from loadtests._scenario import Scenario
from loadtests._service import Service
from loadtests._settings import LoadTestError, Settings
from loadtests._soak import Soak
from loadtests._spike import Spike
from loadtests._twins import Twins
from loadtests._workers import Sighting, losses

KINDS: dict[str, type[Scenario]] = {
    "capacity": Capacity,
    "twins": Twins,
    "spike": Spike,
    "soak": Soak,
    "hostile": Hostile,
}
LOOK_EVERY_S = 10.0
BUSY = 503
OK = 200


class Run:
    """A scenario with its clock, which starts when the service has answered every image once.

    Raises:
        LoadTestError: the service does not answer, or not rightly.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.scenario = KINDS[settings.scenario](settings)
        self.failures: list[str] = []
        self._service = Service(settings)
        self._sightings: list[Sighting] = []
        self._references: dict[tuple[str, str], Probabilities] = {
            (model, image.name): self._service.ask(model, image)
            for model in self.scenario.models
            for image in self.scenario.images
        }
        self._start = time.perf_counter()
        self._look()

    def now_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    def users(self) -> int | None:
        """How many users are wanted now; None: the run is over."""
        if self._sightings and self.now_s() - self._sightings[-1].at_s > LOOK_EVERY_S:
            self._look()
        wanted = self.scenario.users(self.now_s())
        return None if self.scenario.finished else wanted

    def judge(self, order: Order, status: int, body: bytes | None) -> str | None:
        """What is wrong with an answer; None if nothing."""
        if order.refusals:
            return refusal_fault(status, body, order.refusals)
        if status == OK:
            return prediction_fault(body, self._references[order.model, order.image.name])
        return None if status == BUSY and order.may_be_busy else status_fault(status, body)

    def finish(self) -> str:
        """The verdict as text; writes the summary, and puts what failed into `failures`."""
        checks = [Check(self.scenario.finished, "the scenario ran to its end"), *self._worker_checks()]
        found = self.scenario.verdict(self._sightings)
        checks += found.checks
        self.failures = [check.sentence for check in checks if not check.passed]
        if self.settings.summary:
            summary = {
                "scenario": self.settings.scenario,
                "models": self.scenario.models,
                "passed": not self.failures,
                "checks": [check._asdict() for check in checks],
                "figures": found.figures,
            }
            Path(self.settings.summary).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        marks = [f"  {'pass' if check.passed else 'FAIL'}  {check.sentence}" for check in checks]
        return "\n".join(["", f"{self.settings.scenario}: {verdict_word(self.failures)}", *found.lines, *marks, ""])

    def _worker_checks(self) -> list[Check]:
        if self.settings.management is None:
            return []
        try:
            self._look()
        except LoadTestError as error:
            return [Check(False, str(error))]
        lost = losses(self._sightings)
        return [Check(not lost, "; ".join(lost) or f"the same {len(self._sightings[-1].workers)} workers, all ready")]

    def _look(self) -> None:
        if self.settings.management is not None:
            self._sightings.append(Sighting(self.now_s(), self._service.workers(self.settings.models)))


def outcome_of(run: Run, order: Order, sent_s: float, status: int, body: bytes | None, error: object) -> Outcome:
    """What came of an order whose answer has just come; `error`: why there is none, if so."""
    fault = f"no answer: {error}" if status == 0 else run.judge(order, status, body)
    at_s = sent_s if order.due_s is None else order.due_s
    return Outcome(order, at_s, run.now_s() - at_s, status, fault)


def verdict_word(failures: list[str]) -> str:
    """PASSED or FAILED."""
    return "FAILED" if failures else "PASSED"


def say(text: str) -> None:
    """Tell whoever started the run."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
