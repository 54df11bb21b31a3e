"""groupnl.images.side_by_side: items of a batch in several threads."""

import threading
import time

import pytest
import torch

from groupnl.images import SideBySide


def name_of_thread(_: object) -> str:
    return threading.current_thread().name


def test_results_are_in_the_order_of_the_items() -> None:
    def late(number: int) -> int:
        time.sleep((7 - number) / 200)
        return number

    assert SideBySide(3)(late, range(7)) == list(range(7))


def test_as_many_calls_at_a_time_as_there_are_threads() -> None:
    together = threading.Barrier(3, timeout=60)
    side_by_side = SideBySide(3)
    side_by_side(lambda _: together.wait(), range(3))  # a barrier that is not met in time raises
    assert len(set(side_by_side(name_of_thread, range(100)))) <= 3


@pytest.mark.parametrize(("threads", "items"), [(1, 5), (3, 1), (3, 0)])
def test_no_thread_where_it_would_not_help(threads: int, items: int) -> None:
    before = set(threading.enumerate())
    here = threading.current_thread().name
    assert SideBySide(threads)(name_of_thread, range(items)) == [here] * items
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("threads", [1, 2])
def test_a_failing_call_is_raised_and_the_next_batch_is_done(threads: int) -> None:
    def failing(number: int) -> None:
        if number == 1:
            raise MemoryError("of item 1")

    side_by_side = SideBySide(threads)
    with pytest.raises(MemoryError, match="of item 1"):
        side_by_side(failing, range(4))
    assert side_by_side(abs, [-1, 2]) == [1, 2]


def test_threads_do_not_multiply() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert SideBySide(2)(lambda _: torch.get_num_threads(), range(8)) == [1] * 8
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_threads_end_with_their_owner() -> None:
    side_by_side = SideBySide(2)
    used = set(side_by_side(lambda _: threading.current_thread(), range(4)))
    assert all(thread.is_alive() for thread in used)
    del side_by_side
    for thread in used:
        thread.join(20)
    assert not any(thread.is_alive() for thread in used)


@pytest.mark.parametrize("limit", [1, 2, 3, 9])
def test_no_more_calls_at_a_time_than_the_limit(limit: int) -> None:
    lock, busy, most = threading.Lock(), 0, 0
    together = threading.Barrier(min(limit, 4), timeout=60)

    def work(item: int) -> int:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        if item < together.parties:
            together.wait()
        time.sleep(0.005)
        with lock:
            busy -= 1
        return item * item

    assert SideBySide(4)(work, list(range(11)), limit) == [item * item for item in range(11)]
    assert most == min(limit, 4)
