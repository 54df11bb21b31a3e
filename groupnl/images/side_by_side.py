"""The items of a batch side by side: preparing images is most of the work that one core can do at a time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class SideBySide:
    """Calls a function for each of several items, in threads that are kept.

    The threads compute with one thread each: decoding and resizing leave the interpreter's lock, and what torch would
    share out among threads of its own is not shared out. The number of threads of the caller's own torch is untouched.

    Args:
        threads: how many calls at a time; with one there is no thread but the caller's.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = None
        if threads > 1:
            self._pool = ThreadPoolExecutor(threads, "prepare", initializer=torch.set_num_threads, initargs=(1,))

    def __call__(
        self, function: Callable[[_Item], _Result], items: Sequence[_Item], limit: int | None = None
    ) -> list[_Result]:
        """The results, in the order of the items.

        Args:
            function: called once for each.
            items: any number.
            limit: calls at a time now, at most; 1 makes them here, another number below that of the threads cuts the
                items into as many runs.

        Raises:
            Exception: what the first failing call raised; calls that have not begun are left out.
        """
        if self._pool is None or len(items) < 2 or limit == 1:
            return [function(item) for item in items]
        if limit is None or limit >= self._threads:
            return list(self._pool.map(function, items))
        runs = [items[start::limit] for start in range(min(limit, len(items)))]
        results: list[_Result | None] = [None] * len(items)
        for start, found in enumerate(self._pool.map(lambda run: [function(item) for item in run], runs)):
            results[start::limit] = found
        return results  # type: ignore[return-value]  # every place is filled
