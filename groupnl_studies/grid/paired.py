"""Tests of differences between networks that were trained with the same seeds and answered the same images."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from groupnl_studies.grid.group import Group
from groupnl_studies.grid.result import Result
from groupnl_studies.grid.statistics import Comparison, compare, holm

LEAST_SEEDS = 3
Right = Callable[[Result], np.ndarray]
"""How right a network was about each image; float64 (C,)."""


class Difference(NamedTuple):
    """Some groups less others: one less another, or a difference of differences.

    Attributes:
        plus: what is added up.
        minus: what is taken off.
    """

    plus: tuple[Group, ...]
    minus: tuple[Group, ...]

    @property
    def seeds(self) -> set[int]:
        """Those that all have."""
        return set.intersection(*(group.seeds for group in (*self.plus, *self.minus)))

    @property
    def can_be_tested(self) -> bool:
        """Whether there are seeds enough."""
        return len(self.seeds) >= LEAST_SEEDS

    def of(self, right: Right) -> float:
        """Of the mean accuracies, over the seeds that all have; there must be one."""
        return float(np.mean(self._sum(self.plus, right) - self._sum(self.minus, right)))

    def compared(self, right: Right) -> Comparison:
        """As `compare`, over the seeds that all have."""
        return compare(self._sum(self.plus, right), self._sum(self.minus, right))

    def _sum(self, groups: Sequence[Group], right: Right) -> np.ndarray:
        """Float64 (seeds, images)."""
        seeds = self.seeds
        stacked = [np.stack([right(each) for each in group.only(seeds).results]) for group in groups]
        total: np.ndarray = np.sum(stacked, axis=0)
        return total


class Tested(NamedTuple):
    """A difference.

    Attributes:
        comparison: over the seeds that all have.
        p_holm: its p, raised for as many tests as are made together.
    """

    comparison: Comparison
    p_holm: float


def tested_together(differences: Sequence[Difference], right: Right) -> list[Tested]:
    """Test each of them, and raise the p values together.

    Args:
        differences: that can be tested.
        right: what is compared.
    """
    found = [difference.compared(right) for difference in differences]
    return [Tested(*pair) for pair in zip(found, holm([comparison.p for comparison in found]), strict=True)]
