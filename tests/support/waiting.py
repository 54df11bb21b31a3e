"""Waiting in tests for what others do: a thread, a process, a server once its answer is out."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

Value = TypeVar("Value")
LIMIT_S = 120.0  # more than any of it takes on a busy machine; what happens earlier is not waited for
# Between two looks: a part of what was waited for so far, because asking a service takes the cores that it works with.
_PAUSE_S, LONGEST_PAUSE_S, _PART = 0.02, 0.5, 0.05


def until(
    is_so: Callable[[], object],
    limit_s: float = LIMIT_S,
    told: Callable[[], object] | None = None,
    *,
    longest_pause_s: float = LONGEST_PAUSE_S,
) -> None:
    """Wait until it is so.

    Args:
        is_so: is asked again and again.
        limit_s: for which it is waited.
        told: gives what a failure shows.
        longest_pause_s: between two looks, where what follows must come soon.

    Raises:
        AssertionError: it is not so by then.
    """
    for is_over in _moments(limit_s, longest_pause_s):
        if is_so():
            return
        assert not is_over, f"it did not happen within {limit_s:g} s{f': {told()}' if told else ''}"


def until_equal(read: Callable[[], Value], expected: Value, limit_s: float = LIMIT_S) -> None:
    """Wait until what is read is what is expected.

    Raises:
        AssertionError: it is not by then; shows what was read last.
    """
    for is_over in _moments(limit_s, LONGEST_PAUSE_S):
        if (found := read()) == expected:
            return
        assert not is_over, f"after {limit_s:g} s it is {found!r}, not {expected!r}"


def _moments(limit_s: float, longest_pause_s: float) -> Iterator[bool]:
    """When to look, more and more seldom; each says whether it is the last."""
    start = time.monotonic()
    while (waited_s := time.monotonic() - start) < limit_s:
        yield False
        time.sleep(min(max(_PAUSE_S, _PART * waited_s), longest_pause_s))
    yield True
