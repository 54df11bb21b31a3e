"""Figures of rounds: in each round everything is measured once, on a machine in one state.

Ratios are formed inside a round, and medians over the rounds are reported: what disturbs a round disturbs all in it.
"""

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

_Item = TypeVar("_Item")


class Ratio(NamedTuple):
    """A figure over all rounds.

    Attributes:
        median: of the rounds.
        low: smallest of them.
        high: largest of them.
    """

    median: float
    low: float
    high: float

    @classmethod
    def over(cls, rounds: Sequence[_Item], figure: Callable[[_Item], float]) -> "Ratio":
        """A figure of each of the rounds, at least one."""
        values = [figure(each) for each in rounds]
        return cls(statistics.median(values), min(values), max(values))

    def __format__(self, spec: str) -> str:
        """All three, each in this format."""
        return f"{self.median:{spec}} ({self.low:{spec}}-{self.high:{spec}})"


def median_over(rounds: Sequence[_Item], figure: Callable[[_Item], float]) -> float:
    """The median of a figure of each of the rounds, at least one."""
    return float(statistics.median(figure(each) for each in rounds))


def in_turns(items: Sequence[_Item], number: int) -> list[_Item]:
    """The order of round `number`: every other round goes the other way, so that none is always first."""
    return list(items) if number % 2 == 0 else list(reversed(items))
