"""With how many threads a batch that is alone is computed soonest: what the last ones took says so."""

import statistics
from collections import deque
from collections.abc import Sequence

_REMEMBERED = 5  # turns; their median counts
_TRIES = 0.005  # share of the time that may be lost by trying another number: too rare for the 99th percentile


class Pace:
    """Chooses a number of threads by the time that turns with each of them took.

    On idle cores more threads are quicker. Beside a busy program the threads that wait for one another at every layer
    wait for the one whose core was taken: a lone image then took three times as long with two threads as with one.

    Args:
        numbers: of threads to choose from, at least one.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = sorted(numbers, reverse=True)
        self._works: dict[int, _Work] = {}

    def choose(self, images: int) -> int:
        """The number of threads for a batch of so many images: the quickest, now and then another one.

        Another one is tried when what it may lose has been saved up: of a machine that has become idle it is learnt so.
        """
        work = self._works.setdefault(images, _Work())
        if untried := [number for number in self._numbers if number not in work.turns]:
            return untried[0]
        usual = {number: statistics.median(work.turns[number]) for number in self._numbers}
        best = min(self._numbers, key=lambda number: usual[number])
        work.best = best
        affordable = [number for number in self._numbers if 0 < usual[number] - usual[best] <= work.saved_s]
        return min(affordable, key=lambda number: usual[number]) if affordable else best

    def note(self, images: int, threads: int, seconds: float) -> None:
        """Take down what a turn took for which `choose` gave this number."""
        work = self._works[images]
        if threads == work.best:
            work.turns[threads].append(seconds)
            work.saved_s += _TRIES * seconds
        else:  # what it took long ago, beside other programs, says nothing
            work.turns[threads] = deque([seconds], _REMEMBERED)
            work.saved_s = 0.0


class _Work:
    """Batches of one size.

    Attributes:
        turns: seconds of the last turns with each number of threads.
        best: the number with which turns are quickest; None: not known yet.
        saved_s: seconds that a try may lose.
    """

    def __init__(self) -> None:
        self.turns: dict[int, deque[float]] = {}
        self.best: int | None = None
        self.saved_s = 0.0
