"""Labels for a service of several replicas: each is counted by one of those that have noted its answer.

First all replicas are asked what they know of the labels, which changes nothing. Then each label goes to the one that
knows most: so an answer that was given on one node is found there, and one that was given on two counts once.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ray.exceptions import RayError

from groupnl.errors import NoWorkerError
from groupnl.server.labels.labels import Standing, Taken

LATE_S = 30.0  # for one question to all replicas
_LOST = (
    "A replica has ended while it joined labels: send all of them again. Those that were joined are refused then, and "
    "count once."
)


class AsksAll(Protocol):
    """A question to every replica."""

    def __call__(self, method: str, argument: Any) -> Mapping[str, Any]:
        """The answers: replica -> what its method returned; of those that could answer."""


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
            NoWorkerError: no replica answers, or one has ended meanwhile.
        """
        with self._one_at_a_time:
            standings: Mapping[str, list[Standing]] = self._ask("look_at_labels", list(contents))
            if not standings:
                raise NoWorkerError("No replica is there that could join labels; try again in some seconds.")
            places = _dealt(standings, len(contents))
            parts = {replica: [contents[place] for place in its] for replica, its in places.items()}
            taken: Mapping[str, Taken] = self._ask("join_labels", parts)
        if places.keys() - taken.keys():
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


def asks_all(application: str, deployment: str) -> AsksAll:
    """What asks the replicas of a deployment on Ray Serve, which need not be there yet.

    Args:
        application: its name.
        deployment: its name.
    """

    def ask(method: str, argument: Any) -> Mapping[str, Any]:
        from ray import serve  # takes seconds, and only who sends labels needs it
        from ray.serve.exceptions import RayServeException

        try:
            serve.status()  # forgets a Serve that has ended meanwhile, whose replicas would be asked for ever
            handle = serve.get_deployment_handle(deployment, application)
            answers = handle.broadcast(method, argument).results(timeout_s=LATE_S, return_exceptions=True)
        except (KeyError, RayError, RayServeException, TimeoutError):  # KeyError: nothing is deployed
            return {}
        found = [answer for answer in answers if not isinstance(answer, BaseException)]
        return {replica: answer for replica, answer in found if answer is not None}

    return ask


def _dealt(standings: Mapping[str, Sequence[Standing]], count: int) -> dict[str, list[int]]:
    """Replica -> places of the labels that it is to take."""
    places: dict[str, list[int]] = {}
    for place in range(count):
        replica = min(standings, key=_standing_at(standings, place))
        places.setdefault(replica, []).append(place)
    return places


def _standing_at(standings: Mapping[str, Sequence[Standing]], place: int) -> Callable[[str], Standing]:
    return lambda replica: standings[replica][place]
