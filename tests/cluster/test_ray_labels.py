"""Labels for several replicas: each finds a node that has answered, and counts there once.

The replicas' parts are real, each with a memory of its own; only Ray, which carries questions to them, is played.
"""

import pytest
from support.labelled import Service

pytest.importorskip("ray", reason="the extra ray is not installed")

from ray.exceptions import ActorDiedError, ActorUnavailableError, RayActorError, RayTaskError, WorkerCrashedError

from groupnl.cluster.labels import Answers, LabelsOfAll, sorted_out
from groupnl.errors import NoWorkerError
from groupnl.server.labels.labels import Taken

NOW = 1_000_000.0


class Replicas(dict[str, Service]):
    """Some, by name.

    Attributes:
        ending: ends before it has joined anything.
        silent: does not say what it knows.
        why: what Ray brings instead; None: the replica's word that it has no service.
    """

    ending = ""
    silent = ""
    why: Exception | None = None

    def take(self, *labels):
        """What becomes of labels of keys."""
        contents = [{"model": "tiny", "key": key, "label": label} for key, label in labels]
        return LabelsOfAll(self._ask).take(contents)

    def counted(self, outcome):
        """How often each replica has counted it."""
        return {name: service.count("late_labels_total", outcome=outcome) for name, service in self.items()}

    def _ask(self, method, argument):
        if method == "look_at_labels":
            looks = [(name, service.labels.look(argument)) for name, service in self.items() if name != self.silent]
            return sorted_out(looks + ([self.why or (self.silent, None)] if self.silent else []))
        assert method == "join_labels"
        joined = {name: self[name].labels.take(part) for name, part in argument.items() if name != self.ending}
        return Answers(dict.fromkeys(self) | joined)  # as Ray brings it: nothing of those that have nothing to join


@pytest.fixture
def replicas(tmp_path):
    made = Replicas()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made[name] = Service(tmp_path / name)
    return made


def test_each_label_finds_the_replica_that_has_answered(replicas):
    replicas["a"].answers.answer("one", 2, NOW)
    replicas["b"].answers.answer("two", 2, NOW)
    assert replicas.take(("two", "blue"), ("one", "blue"), ("three", "blue")) == Taken(2, 1, [])
    assert replicas.counted("joined") == {"a": 1, "b": 1}
    assert sum(replicas.counted("unknown").values()) == 1


def test_an_image_that_two_have_answered_counts_once(replicas):
    for service in replicas.values():
        service.answers.answer("one", 2, NOW)
    come_before = "The label of this key has come before."
    assert replicas.take(("one", "blue"), ("one", "red")) == Taken(1, 0, [{"position": 1, "reason": come_before}])
    assert replicas.take(("one", "blue")) == Taken(0, 0, [{"position": 0, "reason": come_before}])
    assert sum(replicas.counted("joined").values()) == 1
    assert sum(replicas.counted("refused").values()) == 2


def test_refusals_tell_the_place_among_all_labels(replicas):
    replicas["b"].answers.answer("two", 2, NOW)
    taken = replicas.take(("one", "blue"), ("two", "purple"), ("two", "blue"), ("one", "purple"))
    assert (taken.joined, taken.unknown, [one["position"] for one in taken.refused]) == (1, 1, [1, 3])
    assert sum(replicas.counted("refused").values()) == 2


def test_labels_that_a_replica_took_with_it_may_be_sent_again(replicas):
    replicas["a"].answers.answer("one", 2, NOW)
    replicas["b"].answers.answer("two", 2, NOW)
    replicas.ending = "b"
    labels = ("one", "blue"), ("two", "blue")
    with pytest.raises(NoWorkerError, match="send all of them again"):
        replicas.take(*labels)
    replicas.ending = ""
    taken = replicas.take(*labels)
    assert (taken.joined, [one["position"] for one in taken.refused]) == (1, [0])


TASK_FAILED = RayTaskError("look_at_labels", "...", OSError("disk")).as_instanceof_cause()


@pytest.mark.parametrize(
    "why",
    [
        TimeoutError(),
        TASK_FAILED,
        RayActorError(),
        ActorUnavailableError("no route", None),
        WorkerCrashedError(),
        None,
    ],
    ids=lambda why: type(why).__name__,
)
def test_nothing_is_joined_while_a_replica_does_not_say_what_it_knows(replicas, why):
    """It may be the only one that knows the answer, or have its label already."""
    replicas["a"].answers.answer("one", 2, NOW)
    for service in replicas.values():
        service.answers.answer("two", 2, NOW)
    labels = ("one", "blue"), ("two", "blue")
    replicas.silent, replicas.why = "a", why
    with pytest.raises(NoWorkerError, match="Nothing was joined: send all of them again"):
        replicas.take(*labels)
    assert replicas.counted("joined") == replicas.counted("unknown") == {"a": 0, "b": 0}
    replicas.silent = ""
    assert replicas.take(*labels) == Taken(2, 0, [])


def test_a_replica_that_has_died_is_not_waited_for(replicas):
    replicas["b"].answers.answer("two", 2, NOW)
    replicas.silent, replicas.why = "a", ActorDiedError()
    assert replicas.take(("one", "blue"), ("two", "blue")) == Taken(1, 1, [])


def test_where_nobody_is_there_it_is_told():
    with pytest.raises(NoWorkerError, match="No replica is there"):
        Replicas().take(("one", "blue"))
