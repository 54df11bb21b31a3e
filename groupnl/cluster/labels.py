"""Labels for a service of several replicas: each is counted by one of those that have noted its answer.

First all replicas are asked what they know of the labels, which changes nothing. Then each label goes to the one that
knows most: so an answer that was given on one node is found there, and one that was given on two counts once. Nothing
is joined before all have said: who is silent may be the one that knows an answer, or has its label already.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ray.exceptions import ActorDiedError, RayError

from groupnl.errors import NoWorkerError
from groupnl.server.labels.labels import Standing, Taken

logger = logging.getLogger("ray.serve")
LATE_S = 30.0  # for one question to all replicas
_SILENT = (
    "Not every replica says what it knows of these labels: one hangs, fails or is being replaced. Nothing was joined: "
    "send all of them again in some seconds."
)
_LOST = (
    "A replica has ended while it joined labels: send all of them again. Those that were joined are refused then, and "
    "count once."
)


class Answers(NamedTuple):
    """What became of a question to every replica.

    Attributes:
        of: replica -> what its method returned; None: it has no service. Replicas that have died are left out.
        failures: of those from which no answer came, and which may live.
    """

    of: Mapping[str, Any]
    failures: Sequence[BaseException] = ()


class AsksAll(Protocol):
    """A question to every replica."""

    def __call__(self, method: str, argument: Any) -> Answers:
        """Call the method of each with the argument."""


class LabelsOfAll:
    """Takes labels for all replicas, from several threads.

    Args:
        ask: asks each of them: `look_at_labels` with all labels, `join_labels` with the labels of each.
    """

    def __init__(self, ask: AsksAll) -> None:
        self._ask = ask
        self._one_at_a_time = threading.Lock()

    def take(self, contents: Sequence[Any]) -> Taken:
        """Join labels.

        Args:
            contents: the labels, as they were sent.

        Raises:
            NoWorkerError: no replica answers, one does not say what it knows, or one has ended meanwhile.
        """
        with self._one_at_a_time:
            standings = self._standings(contents)
            places = _dealt(standings, len(contents))
            parts = {replica: [contents[place] for place in its] for replica, its in places.items()}
            answers = self._ask("join_labels", parts)
        taken: Mapping[str, Taken] = {name: answer for name, answer in answers.of.items() if answer is not None}
        if places.keys() - taken.keys():
            _log(answers.failures)
            raise NoWorkerError(_LOST)
        refused = [
            one | {"position": its[one["position"]]}
            for replica, its in places.items()
            for one in taken[replica].refused
        ]
        of_each = [taken[replica] for replica in places]
        return Taken(
            sum(each.joined for each in of_each),
            sum(each.unknown for each in of_each),
            sorted(refused, key=lambda one: int(one["position"])),
        )

    def _standings(self, contents: Sequence[Any]) -> Mapping[str, Sequence[Standing]]:
        """What each replica knows of the labels.

        One without a service counts as silent: Ray asks none before it serves, so this one is closing. What its node
        has noted cannot be read through it, and in some seconds it is gone.
        """
        answers = self._ask("look_at_labels", list(contents))
        if answers.failures or None in answers.of.values():
            _log(answers.failures)
            raise NoWorkerError(_SILENT)
        if not answers.of:
            raise NoWorkerError("No replica is there that could join labels; try again in some seconds.")
        return answers.of


def asks_all(application: str, deployment: str) -> AsksAll:
    """What asks the replicas of a deployment on Ray Serve, which need not be there yet.

    Args:
        application: its name.
        deployment: its name.
    """

    def ask(method: str, argument: Any) -> Answers:
        from ray import serve  # takes seconds, and only who sends labels needs it
        from ray.serve.exceptions import RayServeException

        try:
            serve.status()  # forgets a Serve that has ended meanwhile, whose replicas would be asked for ever
            handle = serve.get_deployment_handle(deployment, application)
            found = handle.broadcast(method, argument).results(timeout_s=LATE_S, return_exceptions=True)
        except (KeyError, RayError, RayServeException, TimeoutError):  # KeyError: nothing is deployed
            return Answers({})
        return sorted_out(found)

    return ask


def sorted_out(found: Iterable[tuple[str, Any] | BaseException]) -> Answers:
    """What Ray brings of the replicas.

    Args:
        found: of each, in no order, its name beside its answer, or why none came.
    """
    answers: dict[str, Any] = {}
    failures: list[BaseException] = []
    for one in found:
        if not isinstance(one, BaseException):
            name, answers[name] = one
        elif not isinstance(one, ActorDiedError):  # of others nobody knows whether they come back
            failures.append(one)
    return Answers(answers, failures)


def _log(failures: Iterable[BaseException]) -> None:
    for failure in failures:
        logger.warning("a replica does not answer a question about labels", exc_info=failure)


def _dealt(standings: Mapping[str, Sequence[Standing]], count: int) -> dict[str, list[int]]:
    """Replica -> places of the labels that it is to take."""
    places: dict[str, list[int]] = {}
    for place in range(count):
        replica = min(standings, key=_standing_at(standings, place))
        places.setdefault(replica, []).append(place)
    return places


def _standing_at(standings: Mapping[str, Sequence[Standing]], place: int) -> Callable[[str], Standing]:
    return lambda replica: standings[replica][place]
