"""What replicas have counted, added up, whatever becomes of them."""

from pydantic import TypeAdapter

from groupnl.cluster.totals import GONE_S, SILENT_S, Counted, HandOver, Known, Sample, Totals
from groupnl.server.comparison import Comparison

A = Comparison("a", "twin", "cells")
ANSWERS, PAIRS = "groupnl_answers", "groupnl_shadow_pairs"
QUEUE, BUILD = "groupnl_queue_length", "groupnl_build_info"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def hand_over(replica: str, answers: float, comparison: Comparison = A, *, is_last: bool = False) -> HandOver:
    """A replica that has answered so often, and has compared each of these answers."""
    model = (("model", "m"),)
    metrics = (
        Counted(ANSWERS, "", "counter", (Sample(f"{ANSWERS}_total", model, answers),)),
        Counted(PAIRS, "", "counter", (Sample(f"{PAIRS}_total", model, answers),)),
        Counted(QUEUE, "", "gauge", (Sample(QUEUE, model, 2.0),)),
        Counted(BUILD, "", "gauge", (Sample(BUILD, model, 1.0),)),
    )
    return HandOver(replica, f"{replica}:1", {"m": comparison}, metrics, is_last)


def shown(totals: Totals) -> dict[str, float]:
    return {sample.name: sample.value for metric in totals.collect() for sample in metric.samples}


def test_what_is_handed_over_again_counts_once():
    totals = Totals()
    for handed in (hand_over("a", 3), hand_over("b", 4), hand_over("a", 5)):
        totals.take(handed)
    assert shown(totals) == {f"{ANSWERS}_total": 9, f"{PAIRS}_total": 9, QUEUE: 4, BUILD: 1}


def test_the_gone_stay_in_the_counts_and_leave_the_gauges():
    clock = Clock()
    totals = Totals(clock=clock)
    for handed in (
        hand_over("killed", 3),
        hand_over("ended", 4, is_last=True),
        hand_over("ended too", 1, is_last=True),
    ):
        totals.take(handed)
    clock.now = SILENT_S + 1
    totals.take(hand_over("living", 5))
    assert shown(totals) == {f"{ANSWERS}_total": 13, f"{PAIRS}_total": 13, QUEUE: 2, BUILD: 1}
    assert [handed.replica for handed in totals.living()] == ["living"]
    clock.now += GONE_S
    totals.take(hand_over("living", 6))
    assert shown(totals)[f"{ANSWERS}_total"] == 14
    assert len(totals.all().handed) == 2, "the living one, and all that are gone together"


def test_an_earlier_life_goes_on():
    totals = Totals()
    totals.take(hand_over("a", 3))
    totals.take(hand_over("b", 4, is_last=True))
    later = Totals(totals.all())
    later.take(hand_over("a", 5))
    assert shown(later)[f"{ANSWERS}_total"] == 9


def test_an_earlier_life_tells_what_was_deployed_last_whoever_was_heard_last():
    totals = Totals()
    totals.take(hand_over("old", 3))
    totals.take(hand_over("new", 4, A._replace(archive="b")))
    totals.take(hand_over("old", 5))
    known = TypeAdapter(Known)
    later = Totals(known.validate_json(known.dump_json(totals.all())))
    assert later.all().comparisons == {"m": A._replace(archive="b")}
    assert shown(later)[f"{PAIRS}_total"] == 4
    later.take(hand_over("old", 6))
    assert shown(later)[f"{PAIRS}_total"] == 4


def test_a_silent_replica_that_comes_back_does_not_count_twice():
    clock = Clock()
    totals = Totals(clock=clock)
    totals.take(hand_over("silent", 3))
    clock.now = GONE_S + 1
    totals.take(hand_over("living", 5))
    totals.take(hand_over("silent", 4))
    assert shown(totals)[f"{ANSWERS}_total"] == 8
    later = Totals(totals.all())
    later.take(hand_over("silent", 4))
    assert shown(later)[f"{ANSWERS}_total"] == 8


def test_another_archive_begins_its_verdicts_anew():
    totals = Totals()
    totals.take(hand_over("ended", 10, is_last=True))
    totals.take(hand_over("old", 3))
    totals.take(hand_over("new", 4, A._replace(archive="b")))
    totals.take(hand_over("old", 5))
    assert shown(totals) == {f"{ANSWERS}_total": 19, f"{PAIRS}_total": 4, QUEUE: 4, BUILD: 1}
    totals.take(hand_over("old", 6, A._replace(archive="b")))
    assert shown(totals)[f"{PAIRS}_total"] == 10


def test_another_candidate_leaves_the_twins_counts():
    totals = Totals()
    totals.take(hand_over("old", 3))
    totals.take(hand_over("new", 4, A._replace(candidate="c")))
    assert shown(totals)[f"{PAIRS}_total"] == 7
