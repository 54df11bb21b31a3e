"""One run of one scenario: reference answers first, then the load with a look at the workers, then the verdict."""

import json
import sys
import time
from pathlib import Path
from threading import Thread

from loadtests._answers import Probabilities, prediction_fault, refusal_fault, status_fault
from loadtests._capacity import Capacity
from loadtests._hostile import Hostile
from loadtests._operator import Operator
from loadtests._record import Check, Order, Outcome
from loadtests._rollout import Rollout
from loadtests._scenario import Scenario
from loadtests._service import TIMEOUT_S, Service
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
    "rollout": Rollout,
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
        self._watches = settings.management is not None and self.scenario.keeps_workers
        self._sightings: list[Sighting] = []
        self._last_s: float | None = None
        self._references: dict[tuple[str, str], Probabilities] = {
            (model, image.name): self._service.ask(model, image)
            for model in self.scenario.models
            for image in self.scenario.images
        }
        self._start = time.perf_counter()
        self._blind = ""
        self._next_look_s = 0.0
        if self._watches:
            self._look()
        operator = Operator(settings, lambda model: self._service.workers((model,)))
        Thread(target=self.scenario.beside, args=(operator, self.now_s), daemon=True).start()

    def now_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    def users(self) -> int | None:
        """How many users are wanted now; None: the run is over."""
        if self._watches and not self._blind and self.now_s() > self._next_look_s:
            self._look_on()
        wanted = self.scenario.users(self.now_s())
        if self.scenario.over and self._last_s is None:
            self._last_s = self.now_s()
        # An answer takes no longer than its time limit; what then is still missing will not come.
        hopeless = self._last_s is not None and self.now_s() > self._last_s + 2 * TIMEOUT_S
        return None if self.scenario.finished or hopeless else wanted

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
        self.scenario.over = True  # where it was stopped by hand, what happens beside it ends, too
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
            file = Path(self.settings.summary)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        marks = [f"  {'pass' if check.passed else 'FAIL'}  {check.sentence}" for check in checks]
        return "\n".join(["", f"{self.settings.scenario}: {verdict_word(self.failures)}", *found.lines, *marks, ""])

    def _worker_checks(self) -> list[Check]:
        if not self._watches:
            return []
        self._look_on()
        if self._blind:
            return [Check(False, self._blind)]
        lost = losses(self._sightings)
        return [Check(not lost, "; ".join(lost) or f"the same {len(self._sightings[-1].workers)} workers, all ready")]

    def _look(self) -> None:
        self._next_look_s = self.now_s() + LOOK_EVERY_S
        self._sightings.append(Sighting(self.now_s(), self._service.workers(self.settings.models)))

    def _look_on(self) -> None:
        """During the load: a failure is kept for the verdict."""
        try:
            self._look()
        except LoadTestError as error:
            self._blind = str(error)


def outcome_of(run: Run, order: Order, sent_s: float, status: int, body: bytes | None, error: object) -> Outcome:
    """What came of an order whose answer has just come; `error`: why there is none, if so."""
    if status == 0:
        refused = run.scenario.may_refuse and isinstance(error, ConnectionRefusedError)
        fault = None if refused else f"no answer: {error!r}"
    else:
        fault = run.judge(order, status, body)
    at_s = sent_s if order.due_s is None else order.due_s
    return Outcome(order, at_s, run.now_s() - at_s, status, fault)


def verdict_word(failures: list[str]) -> str:
    """PASSED or FAILED."""
    return "FAILED" if failures else "PASSED"


def say(text: str) -> None:
    """Tell whoever started the run."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
