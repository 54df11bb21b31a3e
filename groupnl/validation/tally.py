"""Counts of answers, cell by cell: right ones, and those that a corruption changed. Sums of them are exact."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from groupnl.corruptions import Cell


class Counted(NamedTuple):
    """What was counted in one cell.

    Attributes:
        images: how many were answered.
        top1: of them, whose best class was right.
        top5: of them, whose class was among the best five; 0 where nobody asked.
        flips: of them, whose best class is not that of the clean image; 0 where nobody asked.
        answers: confidence and rightness of each, see `groupnl.validation.calibration`; empty where nobody asked.
    """

    images: int = 0
    top1: int = 0
    top5: int = 0
    flips: int = 0
    answers: bytes = b""

    def plus(self, other: "Counted") -> "Counted":
        """What was counted in both."""
        return Counted(
            self.images + other.images,
            self.top1 + other.top1,
            self.top5 + other.top5,
            self.flips + other.flips,
            self.answers + other.answers,
        )


CellCounts = Mapping[Cell | None, Counted]
"""Of each cell; None: of the clean images."""


def counted(*, top1: Tensor, top5: Tensor | None = None, flips: Tensor | None = None, answers: bytes = b"") -> Counted:
    """The counts of a batch.

    Args:
        top1: whether the best class is right: bool of shape (B,).
        top5: whether the right class is among the best five: the same.
        flips: whether the best class is not that of the clean image: the same.
        answers: confidence and rightness of each, see `groupnl.validation.calibration`.
    """
    first, among, changed = (0 if each is None else int(each.sum()) for each in (top1, top5, flips))
    return Counted(len(top1), first, among, changed, answers)


class Tally:
    """One network's counts, added up."""

    def __init__(self) -> None:
        self._counted: dict[Cell | None, Counted] = {}

    def add(self, counts: CellCounts) -> None:
        """Add those of a piece, or of a batch."""
        for cell, more in counts.items():
            self._counted[cell] = self.of(cell).plus(more)

    def of(self, cell: Cell | None) -> Counted:
        """What was counted in a cell so far."""
        return self._counted.get(cell, Counted())
