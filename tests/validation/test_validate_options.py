"""The options of groupnl validate: which cells are asked for."""

from pathlib import Path

import pytest

from groupnl.corruptions import BENCHMARK, VALIDATION, Cell
from groupnl.errors import ConfigError
from groupnl.validation.sets.cells import Cells, chosen_cells
from groupnl.validation.sets.images import ClassFolders, Images
from groupnl.validation.sets.table import CORRUPTED

NEW = Cell("rain", 1)


class Everything:
    """A set that has every cell but some."""

    place = "the set lacks folders"

    def __init__(self, *missing: Cell) -> None:
        self._missing = missing

    def has(self, cell: Cell) -> bool:
        return cell not in self._missing

    def there(self) -> list[Cell]:
        return [Cell("snow", 2), NEW]

    def images(self, cell: Cell) -> Images:
        return ClassFolders((Path(cell.corruption),))


EVERYTHING: Cells = Everything()
IMAGENET_C = CORRUPTED["imagenet-c"].corruptions


def test_only_imagenet_cs_own_corruptions_are_looked_for_in_its_folders() -> None:
    published = [Cell(name, severity) for name in BENCHMARK + VALIDATION for severity in range(1, 6)]
    assert chosen_cells(EVERYTHING, "it", IMAGENET_C, None, None) == published
    assert chosen_cells(EVERYTHING, "it", IMAGENET_C, ["rain"], [1]) == [NEW]
    assert chosen_cells(EVERYTHING, "it", IMAGENET_C, ["fog", "snow"], [2]) == [Cell("snow", 2), Cell("fog", 2)]


def test_whatever_lies_there_is_looked_for_where_no_names_are_known() -> None:
    both = [Cell(name, level) for name in ("snow", "rain") for level in (1, 2)]
    assert chosen_cells(EVERYTHING, "it", (), None, None) == both
    with pytest.raises(ConfigError, match="the set lacks folders of it: rain at 1"):
        chosen_cells(Everything(NEW), "it", (), None, None)
