"""groupnl.base.pace: how many threads a batch takes that is alone."""

from collections.abc import Callable

from groupnl.base.pace import Pace


def turns(pace: Pace, count: int, seconds: Callable[[int], float], images: int = 1) -> list[int]:
    """The numbers of threads that so many turns take on a machine where they take so long."""
    chosen = []
    for _ in range(count):
        chosen.append(pace.choose(images))
        pace.note(images, chosen[-1], seconds(chosen[-1]))
    return chosen


def idle(threads: int) -> float:
    return {1: 0.010, 2: 0.006}[threads]


def beside(threads: int) -> float:
    return {1: 0.011, 2: 0.040}[threads]


def test_each_number_is_tried_once_and_then_the_quickest_is_taken() -> None:
    assert turns(Pace((1, 2)), 100, idle) == [2, 1, *[2] * 98]
    assert turns(Pace((1, 2)), 100, beside) == [2, 1, *[1] * 98]


def test_with_one_number_there_is_nothing_to_choose() -> None:
    assert turns(Pace((2,)), 3, idle) == [2, 2, 2]


def test_a_busy_program_is_noticed_after_a_few_turns() -> None:
    pace = Pace((1, 2))
    turns(pace, 20, idle)
    chosen = turns(pace, 20, beside)
    assert chosen == [2, 2, 2, *[1] * 17]


def test_one_slow_turn_changes_nothing() -> None:
    pace = Pace((1, 2))
    turns(pace, 20, idle)
    turns(pace, 1, beside)
    assert turns(pace, 10, idle) == [2] * 10


def test_that_the_program_has_ended_is_noticed_later() -> None:
    pace = Pace((1, 2))
    turns(pace, 20, beside)
    chosen = turns(pace, 2000, idle)
    assert chosen[-200:].count(1) <= 2


def test_trying_costs_less_than_the_99th_percentile_shows() -> None:
    chosen = turns(Pace((1, 2)), 10_000, idle)
    assert 0 < chosen.count(1) < 100


def test_batches_of_another_size_are_another_matter() -> None:
    pace = Pace((1, 2))
    turns(pace, 20, beside, images=1)
    assert turns(pace, 20, idle, images=8)[-1] == 2
    assert pace.choose(1) == 1
