"""Counting answers cell by cell: right ones, and those that a corruption changed."""

from collections import Counter
from collections.abc import Sequence
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
    """

    images: int
    top1: int
    top5: int
    flips: int


class Tally:
    """Counts of one network's answers; a batch may hold images of several cells, None being the clean ones."""

    def __init__(self) -> None:
        self._counters: dict[str, Counter[Cell | None]] = {name: Counter() for name in Counted._fields}

    def add(
        self, cells: Sequence[Cell | None], *, top1: Tensor, top5: Tensor | None = None, flips: Tensor | None = None
    ) -> None:
        """Count a batch.

        Args:
            cells: of each image.
            top1: whether the best class is right: bool of shape (B,).
            top5: whether the right class is among the best five: the same.
            flips: whether the best class is not that of the clean image: the same.
        """
        self._counters["images"].update(cells)
        for name, chosen in (("top1", top1), ("top5", top5), ("flips", flips)):
            if chosen is not None:
                hits = zip(cells, chosen.tolist(), strict=True)
                self._counters[name].update(cell for cell, is_chosen in hits if is_chosen)

    def of(self, cell: Cell | None) -> Counted:
        """What was counted in a cell so far."""
        return Counted(*(self._counters[name][cell] for name in Counted._fields))
