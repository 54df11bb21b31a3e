"""An offline record of robustness, made up."""

from collections.abc import Callable, Sequence
from typing import Any

from groupnl.corruptions.names import CELLS, Cell
from groupnl.robustness.record import CellFigures, RobustnessRecord

Counted = Callable[[Cell], tuple[int, int]]


def offline_record(counted: Counted, cells: Sequence[Cell] = CELLS, **fields: Any) -> RobustnessRecord:
    """A record of ten images, of which nine are answered rightly without corruption.

    Args:
        counted: flips and right answers in a cell.
        cells: that were measured.
        fields: of the record, in place of the usual ones.
    """
    figures = []
    for cell in cells:
        flips, correct = counted(cell)
        figures.append(CellFigures(corruption=cell.corruption, severity=cell.severity, flips=flips, correct=correct))
    usual: dict[str, Any] = {
        "architecture": "tiny",
        "weights_sha256": "0" * 64,
        "data": "icons",
        "splits": ("test",),
        "images": 10,
        "clean_correct": 9,
        "precision": "float32",
        "seed": 0,
        "versions": {},
    }
    return RobustnessRecord(**usual | fields, cells=tuple(figures))
