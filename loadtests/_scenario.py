"""What all scenarios have in common: orders go out, outcomes come back, a verdict is made of them; no HTTP here."""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

from loadtests._images import Image, standard_images
from loadtests._operator import Operator
from loadtests._record import Check, Order, Outcome, Verdict, latencies, quantile_ms
from loadtests._settings import Settings
from loadtests._workers import Sighting

# When the first request is due: the users must have been started by then.
LEAD_S = 1.0
# Users of a steady rate: so many that answers of up to so many seconds do not delay the next request.
PATIENCE_S = 2.0
LEAST_USERS = 8


class Scenario(ABC):
    """One kind of load.

    Args:
        settings: of the run.

    Attributes:
        keeps_workers: the workers must be the same ones at the end.
    """

    keeps_workers = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.outcomes: list[Outcome] = []
        self.over = False
        self._under_way = 0

    @property
    def images(self) -> tuple[Image, ...]:
        """Every image that must be answered; each is asked for once alone, before the load begins."""
        return standard_images()

    @property
    def models(self) -> tuple[str, ...]:
        """Models that are asked."""
        return self.settings.models

    @property
    def may_refuse(self) -> bool:
        """Whether nobody need listen at the moment."""
        return False

    def beside(self, operator: Operator, now_s: Callable[[], float]) -> None:  # noqa: B027 (mostly nothing)
        """Do to the service, in a thread beside the load, what belongs to the scenario."""

    @abstractmethod
    def users(self, now_s: float) -> int:
        """How many users are wanted now; the schedule may end here (`over`)."""

    @abstractmethod
    def _next(self, now_s: float) -> Order | None:
        """The next request, or None if there is no further one."""

    @abstractmethod
    def verdict(self, sightings: Sequence[Sighting]) -> Verdict:
        """What was found; the workers as they were seen beside the load."""

    @property
    def finished(self) -> bool:
        """No further request will be sent, and none is under way."""
        return self.over and not self._under_way

    def take(self, now_s: float) -> Order | None:
        """The next request for a user that is free; None ends the user."""
        order = None if self.over else self._next(now_s)
        if order is None:
            self.over = True
        else:
            self._under_way += 1
        return order

    def note(self, outcome: Outcome) -> None:
        """Take down what came of a request."""
        self._under_way -= 1
        self.outcomes.append(outcome)


class Paced(Scenario):
    """A load whose requests have their times, whatever the answers do."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._orders = self.schedule()

    @abstractmethod
    def schedule(self) -> Iterator[Order]:
        """The requests, in the order of their times."""

    def users(self, now_s: float) -> int:
        """Constant: who is free waits for the time of the next request."""
        return max(LEAST_USERS, math.ceil(self.settings.rate * PATIENCE_S))

    def in_turn(self) -> Iterator[Order]:
        """Equal distances, every image to every model, without an end."""
        for turn in count():
            position, place = divmod(turn, len(self.models))
            model = self.models[place]
            image = self.images[position % len(self.images)]
            yield Order(model, image, model, LEAD_S + turn / self.settings.rate, turn=turn)

    def _next(self, now_s: float) -> Order | None:
        return next(self._orders, None)


def error_check(settings: Settings, outcomes: Sequence[Outcome]) -> Check:
    """No more wrong answers than allowed; names the most frequent fault."""
    faults = Counter(outcome.fault for outcome in outcomes if outcome.fault)
    wrong, total = faults.total(), len(outcomes)
    often = f"; most often: {faults.most_common(1)[0][0]}" if faults else ""
    share = wrong / total if total else 0.0
    allowed = settings.max_error_ratio
    return Check(share <= allowed, f"{wrong} of {total} answers wrong ({share:.2%}, {allowed:.2%} allowed){often}")


def count_check(settings: Settings, outcomes: Iterable[Outcome], models: Iterable[str]) -> Check:
    """Enough right predictions of each model to say anything."""
    counts = Counter(outcome.order.model for outcome in outcomes if outcome.answered)
    least, model = min((counts[model], model) for model in models)
    sentence = f"{least} right answers of {model}, at least {settings.min_requests} wanted of each model"
    return Check(least >= settings.min_requests, sentence)


def p95_check(settings: Settings, name: str, outcomes: Iterable[Outcome]) -> Check:
    """The right predictions came quickly."""
    seconds = latencies(outcomes)
    if not seconds:
        return Check(False, f"{name}: no right answer")
    found = quantile_ms(seconds, 0.95)
    return Check(found <= settings.max_p95_ms, f"{name}: p95 {found:.0f} ms, {settings.max_p95_ms:.0f} ms allowed")
