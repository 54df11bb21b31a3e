"""The scenarios without a service: a simulated clock, and answers made up."""

import json
from collections.abc import Callable, Iterator
from itertools import islice, pairwise, takewhile
from typing import Any

import pytest

from loadtests._capacity import Capacity
from loadtests._hostile import Hostile
from loadtests._operator import Operator
from loadtests._record import Order, Outcome
from loadtests._rollout import Event, Rollout
from loadtests._scenario import Paced, Scenario
from loadtests._settings import Settings
from loadtests._soak import Soak, growth_check
from loadtests._spike import Spike
from loadtests._twins import Twins
from loadtests._workers import Sighting, Worker

WORKER = Worker("m", 1, "then", True, 500.0)
HALF_A_SECOND = 0.5


def orders(scenario: Scenario) -> list[Order]:
    def taken() -> Iterator[Order | None]:
        while True:
            yield scenario.take(0.0)

    return [order for order in takewhile(bool, taken()) if order]


def answer_all(
    scenario: Paced, seconds: Callable[[Order], float], status: Callable[[Order], int] = lambda _: 200
) -> None:
    for order in orders(scenario):
        scenario.note(Outcome(order, order.due_s or 0.0, seconds(order), status(order)))


def failed(scenario: Scenario) -> list[str]:
    return [check.sentence for check in scenario.verdict([]).checks if not check.passed]


class TestCapacity:
    def climb(self, throughput: Callable[[str, int], float], **options: Any) -> Capacity:
        """Every second, all users of a step get their answers."""
        capacity = Capacity(Settings(step_s=5, **options))
        now_s = 0.0
        while not capacity.over:
            capacity.users(now_s)
            model, users = capacity._current
            for _ in range(round(throughput(model, users))):
                if order := capacity.take(now_s):
                    capacity.note(Outcome(order, now_s, HALF_A_SECOND, 200))
            now_s += 1
            assert now_s < 1000
        return capacity

    def test_stops_when_two_steps_bring_nothing(self):
        capacity = self.climb(lambda model, users: min(10 * users, 80 if model == "effnet_es" else 40))
        steps = {model: [s.users for s in capacity.steps if s.model == model] for model in capacity.models}
        assert steps == {"gnl_effnet_es": [1, 2, 4, 8, 16], "effnet_es": [1, 2, 4, 8, 16, 32]}
        found = capacity.verdict([]).figures["saturated"]
        assert found["effnet_es"] == pytest.approx(2 * found["gnl_effnet_es"])
        assert failed(capacity) == []

    def test_models_take_turns(self):
        capacity = self.climb(lambda _, users: min(10 * users, 40))
        assert [(s.model, s.users) for s in capacity.steps[:4]] == [
            ("gnl_effnet_es", 1), ("effnet_es", 1), ("gnl_effnet_es", 2), ("effnet_es", 2),
        ]  # fmt: skip

    def test_one_step_that_brings_nothing_is_not_the_end(self):
        capacity = self.climb(lambda _, users: {1: 10, 2: 10}.get(users, 40), models=("m",))
        assert [step.users for step in capacity.steps] == [1, 2, 4, 8, 16]

    def test_throughput_that_still_grows_fails(self):
        capacity = self.climb(lambda _, users: 10 * users, models=("m",), max_users=12)
        assert [step.users for step in capacity.steps] == [1, 2, 4, 8, 12]
        assert failed(capacity) == [
            "m is not saturated with up to 12 users: the last step brought 50% more; raise --max-users"
        ]

    @pytest.mark.parametrize("most", [80, 95])
    def test_the_largest_step_may_be_the_flat_one(self, most):
        capacity = self.climb(lambda _, users: min(10 * users, most), models=("m",), max_users=16)
        assert [step.users for step in capacity.steps] == [1, 2, 4, 8, 16]
        assert failed(capacity) == []

    def test_stopped_before_the_first_step_ended(self):
        capacity = Capacity(Settings())
        capacity.users(0.0)
        assert any("not saturated" in sentence for sentence in failed(capacity))
        assert capacity.verdict([]).figures["saturated"] == {}


class TestTwins:
    def test_pairs_share_the_image_and_take_turns(self):
        sent = orders(Twins(Settings("twins", rate=10, duration_s=6)))
        assert len(sent) == 60
        for first, second in zip(sent[::2], sent[1::2], strict=True):
            assert first.image == second.image
            assert {first.model, second.model} == {"gnl_effnet_es", "effnet_es"}
        assert [order.model for order in sent[:4]] == ["gnl_effnet_es", "effnet_es", "effnet_es", "gnl_effnet_es"]
        assert len({order.image for order in sent}) == 6

    def test_models_beside_the_twins_are_not_asked(self):
        twins = Twins(Settings("twins", rate=100, duration_s=2, models=("a", "b", "c")))
        answer_all(twins, lambda order: 0.01)
        assert failed(twins) == []
        assert list(twins.verdict([]).figures["models"]) == ["a", "b"]

    def test_requests_are_due_at_equal_distances(self):
        due = [order.due_s or 0.0 for order in orders(Twins(Settings("twins", rate=8, duration_s=2)))]
        assert [b - a for a, b in pairwise(due)] == pytest.approx([1 / 8] * 15)

    def test_differences_are_those_within_pairs(self):
        twins = Twins(Settings("twins", rate=100, duration_s=2))
        # The machine becomes slower and slower; GroupNL takes 4 ms longer than its twin.
        answer_all(twins, lambda order: (order.turn // 2) / 100 + (0.004 if order.model == "gnl_effnet_es" else 0))
        paired = twins.verdict([]).figures["paired"]
        assert paired == {
            "pairs": 100, "p5_ms": 4.0, "p50_ms": 4.0, "p95_ms": 4.0, "p99_ms": 4.0, "model_slower_share": 1.0,
        }  # fmt: skip
        assert failed(twins) == []

    def test_nothing_answered(self):
        twins = Twins(Settings("twins"))
        assert "no pair was answered" in twins.verdict([]).lines
        assert len(failed(twins)) == 3
        json.dumps(twins.verdict([]).figures, allow_nan=False)


class TestSpike:
    def spike(self, busy: Callable[[Order], bool], after: float = 0.05) -> Spike:
        spike = Spike(Settings("spike", duration_s=5, rate=20))
        slow = {"overload": 2.0, "recovery": 0.05, "after": after}
        answer_all(
            spike,
            lambda order: 0.01 if busy(order) else slow.get(order.label.split()[1], 0.05),
            lambda order: 503 if busy(order) else 200,
        )
        return spike

    def overload(self, order: Order) -> bool:
        return "overload" in order.label and order.turn % 4 > 0

    def test_quick_refusals_are_right_while_overloaded(self):
        spike = self.spike(self.overload)
        assert failed(spike) == []
        figures = spike.verdict([]).figures
        assert figures["phases"]["503, queue full"]["count"] == 1125
        assert figures["recovery_s"] == 0
        assert figures["overload_s"] == [6.0, 11.0]
        assert sum(figures["per_second"]["busy"]) == 1125

    def test_only_there(self):
        allowed = {order.label.split()[1]: order.may_be_busy for order in orders(Spike(Settings("spike")))}
        assert allowed == {"before": False, "overload": True, "recovery": True, "after": False}

    def test_without_refusals_it_was_no_overload(self):
        assert any("this was no overload" in sentence for sentence in failed(self.spike(lambda _: False)))

    def test_nothing_but_refusals(self):
        spike = self.spike(lambda order: "overload" in order.label)
        assert failed(spike) == ["0 predictions came while overloaded"]

    def test_slow_afterwards_fails(self):
        spike = self.spike(self.overload, after=0.3)
        assert failed(spike) == ["after recovery: p95 300 ms, 200 ms is normal"]
        assert spike.verdict([]).figures["recovery_s"] > 20

    def test_only_the_first_model_is_asked(self):
        assert {order.model for order in orders(Spike(Settings("spike")))} == {"gnl_effnet_es"}


class TestSoak:
    def test_every_image_goes_to_every_model(self):
        for models in (("a", "b"), ("a", "b", "c")):
            sent = orders(Soak(Settings("soak", duration_s=10, models=models)))
            assert len({(order.model, order.image.name) for order in sent}) == len(models) * 12

    def test_growth(self):
        steady = [(60.0 * minute, 500.0 + minute) for minute in range(12)]
        growing = [(60.0 * minute, 500.0 + 20 * minute) for minute in range(12)]
        assert growth_check("m", steady).passed
        assert not growth_check("m", growing).passed
        assert growth_check("m", growing).sentence == "memory of m went from 530 to 690 MiB, 636 MiB allowed"

    def test_memory_is_taken_once_a_minute(self):
        soak = Soak(Settings("soak", models=("m",), duration_s=10))
        answer_all(soak, lambda _: 0.05)
        seen = [Sighting(10.0 * n, (WORKER._replace(memory_mib=0 if n < 6 else 500.0 + 10 * n),)) for n in range(60)]
        verdict = soak.verdict(seen)
        assert [at_s for at_s, _ in verdict.figures["memory_mib"]["m"]] == [110, 170, 230, 290, 350, 410, 470, 530, 590]
        assert [check.sentence for check in verdict.checks if not check.passed] == [
            "memory of m went from 670 to 1030 MiB, 804 MiB allowed"
        ]


class TestHostile:
    def test_good_and_bad_take_turns_at_each_model(self):
        sent = orders(Hostile(Settings("hostile", duration_s=30)))
        assert [bool(order.refusals) for order in sent[:6]] == [False, True] * 3
        for model in ("gnl_effnet_es", "effnet_es"):
            assert {bool(order.refusals) for order in sent if order.model == model} == {False, True}
            assert len({o.image.name for o in sent if o.model == model and o.refusals}) == 16

    def test_kinds_that_were_not_refused_are_named(self):
        hostile = Hostile(Settings("hostile", duration_s=30))
        for order in orders(hostile):
            fault = "taken" if order.image.name == "GIF" else None
            hostile.note(Outcome(order, 0.0, 0.05, order.refusals[0].status if order.refusals else 200, fault))
        share, kinds = failed(hostile)
        assert share.endswith("most often: taken")
        assert kinds.startswith("15 of 16 kinds of bad request refused as documented; not: GIF")


class TestRollout:
    def rollout(self, **options: Any) -> Rollout:
        """Twenty seconds of answers, as if all that was planned had happened, a second each."""
        rollout = Rollout(Settings("rollout", rate=10, stop_pid=5, **options))
        for order in islice(rollout.schedule(), 200):
            rollout._under_way += 1
            rollout.note(Outcome(order, order.due_s or 0.0, 0.05, 200))
        rollout.events = [Event(name, 4.0 * turn + 3, 4.0 * turn + 4) for turn, (name, _) in enumerate(rollout._plan())]
        return rollout

    def test_events_follow_each_other(self):
        names = [event.name for event in self.rollout().events]
        assert names == ["reload gnl_effnet_es", "reload effnet_es", "kill -9 gnl_effnet_es", "stop"]
        without = Rollout(Settings("rollout", management_socket="none"))
        assert [name for name, _ in without._plan()] == ["kill -9 gnl_effnet_es"]

    def test_answers_are_counted_by_event(self):
        rollout = self.rollout()
        assert failed(rollout) == []
        phases = rollout.verdict([]).figures["phases"]
        assert {name: row["count"] for name, row in phases.items()} == {
            "steady": 160, "reload gnl_effnet_es": 10, "reload effnet_es": 10, "kill -9 gnl_effnet_es": 10, "stop": 10,
        }  # fmt: skip

    def test_one_that_is_lost_is_too_many(self):
        rollout = self.rollout(max_error_ratio=0.5)
        rollout.outcomes[0] = rollout.outcomes[0]._replace(status=0, fault="no answer")
        assert failed(rollout) == ["1 of 200 answers wrong (0.50%, 0.00% allowed); most often: no answer"]

    def test_who_is_refused_by_a_service_that_has_stopped_is_not_lost(self):
        rollout = self.rollout()
        rollout.outcomes[-1] = rollout.outcomes[-1]._replace(status=0)
        assert failed(rollout) == []
        assert rollout.verdict([]).figures["refused"] == 1
        assert "stop: 1.0 s; 59 later requests answered, 1 refused, as nobody listened" in [
            check.sentence for check in rollout.verdict([]).checks
        ]

    def test_what_did_not_succeed_or_happen_is_named(self):
        rollout = self.rollout()
        rollout.events = [rollout.events[0]._replace(problem="no room"), *rollout.events[1:3]]
        assert failed(rollout) == ["reload gnl_effnet_es: no room", "stop: the run did not come to it"]

    def test_refusals_are_right_from_the_stop_on(self, monkeypatch):
        monkeypatch.setattr("loadtests._rollout.LEAD_S", 0)
        rollout = Rollout(Settings("rollout", stop_pid=5, duration_s=0.01, models=("m",)))
        seen: list[tuple[str, bool]] = []
        operator = Operator(rollout.settings, lambda _: ())
        for name in ("reload", "kill", "stop"):
            monkeypatch.setattr(Operator, name, lambda _, name=name, **__: seen.append((name, rollout.may_refuse)))
        rollout.beside(operator, lambda: 0.0)
        assert seen == [("reload", False), ("kill", False), ("stop", True)]
        assert rollout.over

    def test_nothing_happens_after_the_run_was_stopped_by_hand(self, monkeypatch):
        monkeypatch.setattr("loadtests._rollout.LEAD_S", 0)
        rollout = Rollout(Settings("rollout", stop_pid=5, duration_s=0.01))
        rollout.over = True
        rollout.beside(Operator(rollout.settings, lambda _: pytest.fail("a look")), lambda: 0.0)
        assert rollout.events == []
        assert not rollout.may_refuse
