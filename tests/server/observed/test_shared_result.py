"""groupnl.server.observed.shared_result: who asks meanwhile waits for that result, who asks later gets another."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from groupnl.server.observed.shared_result import SharedResults

ASKING = 8


def test_all_who_ask_meanwhile_get_one_result() -> None:
    began, go_on = threading.Event(), threading.Event()
    computed: list[int] = []

    def compute() -> int:
        computed.append(len(computed))
        began.set()
        assert go_on.wait(10)
        return computed[-1]

    shared = SharedResults[int]()
    with ThreadPoolExecutor(ASKING) as pool:
        first = pool.submit(shared, "page", compute)
        assert began.wait(10)
        others = [pool.submit(shared, "page", compute) for _ in range(ASKING - 1)]
        assert not any(other.done() for other in others)
        while sum(other.running() for other in others) < ASKING - 1:
            pass
        threading.Event().wait(0.2)  # until each has come to its wait
        assert shared("another", lambda: 5) == 5  # which waits for nobody
        go_on.set()
        assert {each.result(10) for each in (first, *others)} == {0}
    assert shared("page", compute) == 1
    assert computed == [0, 1]


def test_an_error_is_everybodys_and_does_not_stay() -> None:
    outcomes = iter([0, 7])

    def compute() -> int:
        outcome = next(outcomes)
        if not outcome:
            raise ValueError("once")
        return outcome

    shared = SharedResults[int]()
    with pytest.raises(ValueError, match="once"):
        shared("page", compute)
    assert shared("page", compute) == 7
