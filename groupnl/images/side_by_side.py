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
        self._pool = None
        if threads > 1:
            self._pool = ThreadPoolExecutor(threads, "prepare", initializer=torch.set_num_threads, initargs=(1,))

    def __call__(self, function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
        """The results, in the order of the items.

        Raises:
            Exception: what the first failing call raised; calls that have not begun are left out.
        """
        if self._pool is None or len(items) < 2:
            return [function(item) for item in items]
        return list(self._pool.map(function, items))
