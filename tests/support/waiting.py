"""Waiting in tests for what others do: a thread, a process, a server once its answer is out."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
LIMIT_S = 120.0  # more than any of it takes on a busy machine; what happens earlier is not waited for
_POLL_S = 0.05


def until(is_so: Callable[[], object], limit_s: float = LIMIT_S, told: Callable[[], object] | None = None) -> None:
    """Wait until it is so.

    Args:
        is_so: is asked again and again.
        limit_s: for which it is waited.
        told: gives what a failure shows.

    Raises:
        AssertionError: it is not so by then.
    """
    end = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end, f"it did not happen within {limit_s:g} s{f': {told()}' if told else ''}"
        time.sleep(_POLL_S)


def until_equal(read: Callable[[], Value], expected: Value, limit_s: float = LIMIT_S) -> None:
    """Wait until what is read is what is expected.

    Raises:
        AssertionError: it is not by then; shows what was read last.
    """
    end = time.monotonic() + limit_s
    while (found := read()) != expected:
        assert time.monotonic() < end, f"after {limit_s:g} s it is {found!r}, not {expected!r}"
        time.sleep(_POLL_S)
