"""How much can the service do: more users step by step, each asking again as soon as it has its answer."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from loadtests._record import Check, Json, Order, Outcome, Verdict, latencies, percentile_lines, percentiles
from loadtests._scenario import LEAD_S, Scenario, count_check, error_check, p95_check
from loadtests._settings import Settings
from loadtests._workers import Sighting

# The share of a step that is not counted: requests of the step before are still under way, batches not full yet.
SETTLE = 0.2
# A step that brings less than this much more is no gain; after two of them in a row a model is asked no further.
GAIN = 1.05
FLAT_STEPS = 2
# Twice the users would bring twice as much if there were room. A machine that others use too makes steps uneven, so the
# last possible one may bring somewhat more and still be counted as saturation.
ROOM = 1.25


class Step(NamedTuple):
    """One number of users asking one model, and what came of it."""

    model: str
    users: int
    throughput: float
    latencies_s: list[float]

    @property
    def figures(self) -> Json:
        """For the summary."""
        return {"users": self.users, "throughput": round(self.throughput, 2)} | percentiles(self.latencies_s)


class Capacity(Scenario):
    """Doubles the users; the models in turn at each number, so that a machine that slows down does so for all."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.steps: list[Step] = []
        self._numbers = dict.fromkeys(settings.models, 0)
        self._plan = self._climb()
        self._current = next(self._plan)
        self._begin_s = LEAD_S
        self._turns = itertools.count()

    def users(self, now_s: float) -> int:
        """Of the current step; a step that is over is counted, and the next one begins."""
        if not self.over and now_s >= self._begin_s + self.settings.step_s:
            self._count(now_s)
            following = next(self._plan, None)
            self.over = following is None
            self._current, self._begin_s = following or self._current, now_s
        return self._current[1]

    def verdict(self, sightings: Sequence[Sighting]) -> Verdict:
        """The saturated throughput of each model, and that there is one."""
        rows = [(_name(step.model, step.users), step) for step in self.steps]
        lines = percentile_lines((name, step.figures) for name, step in rows)
        lines[0] += f"{'answers/s':>11}"
        lines[1:] = [f"{line}{row[1].throughput:>11.1f}" for line, row in zip(lines[1:], rows, strict=True)]
        best = {model: max((s for s in self.steps if s.model == model), key=_throughput) for model in self._measured()}
        lines += [
            f"saturated: {model} {step.throughput:.1f} answers/s, {step.users} users" for model, step in best.items()
        ]
        figures: Json = {
            "steps": [{"model": step.model} | step.figures for step in self.steps],
            "saturated": {model: round(step.throughput, 2) for model, step in best.items()},
        }
        return Verdict(lines, figures, self._checks())

    def _checks(self) -> list[Check]:
        alone = {model: [o for o in self.outcomes if o.order.label == _name(model, 1)] for model in self.models}
        return [
            error_check(self.settings, self.outcomes),
            count_check(self.settings, self.outcomes, self.models),
            *(p95_check(self.settings, _name(model, 1), outcomes) for model, outcomes in alone.items()),
            *(self._saturation_check(model) for model in self.models),
        ]

    def _saturation_check(self, model: str) -> Check:
        last = self._gain(model, 1)
        if last < ROOM:
            return Check(True, f"{model} is saturated")
        most, found = (
            self.settings.max_users,
            f"the last step brought {last - 1:.0%} more" if last < math.inf else "no two steps",
        )
        return Check(False, f"{model} is not saturated with up to {most} users: {found}; raise --max-users")

    def _climb(self) -> Iterator[tuple[str, int]]:
        return itertools.chain.from_iterable(self._round(users) for users in self._ladder())

    def _ladder(self) -> list[int]:
        most = self.settings.max_users
        return [*itertools.takewhile(lambda users: users < most, (2**power for power in itertools.count())), most]

    def _round(self, users: int) -> list[tuple[str, int]]:
        return [(model, users) for model in self.models if not self._saturated(model)]

    def _measured(self) -> list[str]:
        return [model for model in self.models if any(step.model == model for step in self.steps)]

    def _saturated(self, model: str) -> bool:
        """The last steps brought nothing."""
        return self._gain(model, FLAT_STEPS) < GAIN

    def _gain(self, model: str, steps: int) -> float:
        """The most of the last steps over the most of those before; infinite if there are none before."""
        found = [step.throughput for step in self.steps if step.model == model]
        before = max(found[:-steps], default=0.0)
        return max(found[-steps:]) / before if before else math.inf

    def _count(self, now_s: float) -> None:
        model, users = self._current
        since = self._begin_s + SETTLE * self.settings.step_s
        counted = [o for o in self._recent(since) if o.order.model == model and o.end_s <= now_s and o.answered]
        self.steps.append(Step(model, users, len(counted) / (now_s - since), latencies(counted)))

    def _recent(self, since_s: float) -> list[Outcome]:
        """Outcomes come in the order of their ends."""
        return list(itertools.takewhile(lambda outcome: outcome.end_s >= since_s, reversed(self.outcomes)))

    def _next(self, now_s: float) -> Order:
        model, users = self._current
        turn = next(self._turns)
        return Order(model, self.images[turn % len(self.images)], _name(model, users), turn=turn)


def _name(model: str, users: int) -> str:
    """Of a step, in Locust's tables too."""
    return f"{model}, {users} user{'s' if users > 1 else ''}"


def _throughput(step: Step) -> float:
    return step.throughput
