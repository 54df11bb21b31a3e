"""Where corrupted images lie: folders as ImageNet-C's, or arrays as CIFAR-10-C's."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from groupnl.corruptions.names import SEVERITIES, Cell
from groupnl.errors import ConfigError
from groupnl.images.folders import is_hidden
from groupnl.validation.pixels import RawPixels
from groupnl.validation.sets.array_file import label_row, pixel_rows
from groupnl.validation.sets.images import ClassFolders, Images
from groupnl.validation.sets.rows import Rows

_LABELS = "labels.npy"


class Cells(Protocol):
    """Corrupted images, cell by cell."""

    @property
    def place(self) -> str:
        """Where they lie, and how what is looked for is called."""

    def has(self, cell: Cell) -> bool:
        """Whether a cell is there."""

    def there(self) -> list[Cell]:
        """All that are there, whatever they are called.

        Raises:
            ConfigError: what lies there are no cells.
        """

    def images(self, cell: Cell) -> Images:
        """Those of a cell that is there.

        Raises:
            ConfigError: they are not as the set has them.
        """


class FolderCells:
    """``<corruption>/<severity>/<class>/<file>`` in a folder.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def place(self) -> str:
        """See `Cells`."""
        return f"{self._root} lacks folders <corruption>/<severity>"

    def has(self, cell: Cell) -> bool:
        """See `Cells`."""
        return self._folder(cell).is_dir()

    def there(self) -> list[Cell]:
        """See `Cells`."""
        corruptions = _folders(self._root)
        return [Cell(name.name, _severity(folder)) for name in corruptions for folder in _folders(name)]

    def images(self, cell: Cell) -> Images:
        """See `Cells`."""
        return ClassFolders((self._folder(cell),))

    def _folder(self, cell: Cell) -> Path:
        return self._root / cell.corruption / str(cell.severity)


class StrengthCells(FolderCells):
    """The same, or with five strengths in the place of severities: of ``0.80``, ``1.60``, ... the first is severity 1.

    ImageNet-C-bar's script calls folders so; the set that its authors publish has severities.
    """

    def _folder(self, cell: Cell) -> Path:
        folder = super()._folder(cell)
        if folder.is_dir() or not folder.parent.is_dir():
            return folder
        strengths = sorted(filter(_is_strength, _folders(folder.parent)), key=lambda each: float(each.name))
        return strengths[cell.severity - 1] if len(strengths) == len(SEVERITIES) >= cell.severity else folder


class ArrayCells:
    """``<corruption>.npy``: all images at severity 1, then all at 2, up to 5; ``labels.npy`` has the class of each row.

    Args:
        root: the folder of the files.
        decode: of a row.
        places: number of a class -> place among the logits.
    """

    def __init__(self, root: Path, decode: RawPixels, places: Mapping[int, int]) -> None:
        self._root = root
        self._decode = decode
        self._places = places

    @property
    def place(self) -> str:
        """See `Cells`."""
        return f"{self._root} lacks files <corruption>.npy"

    def has(self, cell: Cell) -> bool:
        """See `Cells`."""
        return cell.severity in SEVERITIES and self._file(cell).is_file()

    def there(self) -> list[Cell]:
        """See `Cells`."""
        names = sorted(file.stem for file in self._root.glob("*.npy") if file.name != _LABELS)
        return [Cell(name, severity) for name in names for severity in SEVERITIES]

    def images(self, cell: Cell) -> Images:
        """See `Cells`."""
        file, side = self._file(cell), self._decode.side
        rows, labels = pixel_rows(file, (side, side, 3)), label_row(self._root / _LABELS)
        if len(rows) != len(labels):
            raise ConfigError(
                f"{file} has {len(rows)} rows, and {self._root / _LABELS} {len(labels)}: one is cut short"
            )
        each, rest = divmod(len(labels), len(SEVERITIES))
        if rest:
            raise ConfigError(
                f"{file} has {len(rows)} rows, which are not {len(SEVERITIES)} severities of equal length"
            )
        if not (labels.reshape(len(SEVERITIES), each) == labels[:each]).all():
            raise ConfigError(
                f"{self._root / _LABELS} does not repeat itself after {each} rows: rows must be all images at severity "
                f"1, then the same at 2, up to {len(SEVERITIES)}"
            )
        first = SEVERITIES.index(cell.severity) * each
        starts = rows.offset + self._decode.length * np.arange(first, first + each)
        return Rows(file, self._decode, starts.tolist(), labels[:each].tolist(), self._places)

    def _file(self, cell: Cell) -> Path:
        return self._root / f"{cell.corruption}.npy"


def chosen_cells(
    cells: Cells,
    title: str,
    known: Sequence[str],
    corruptions: Sequence[str] | None,
    severities: Sequence[int] | None,
) -> list[Cell]:
    """The cells that are to be measured, every one of which is there.

    Args:
        cells: where they lie.
        title: of the set.
        known: names of the set's corruptions, in their order; none: whatever lies there.
        corruptions: names that were asked for; None: all.
        severities: the same of severities.

    Raises:
        ConfigError: some are missing; each is named.
    """
    names, levels = list(known), list(SEVERITIES)
    if not known:
        there = cells.there()
        names = list(dict.fromkeys(cell.corruption for cell in there))
        levels = sorted({cell.severity for cell in there})
    if not names:
        raise ConfigError(f"{cells.place}: there is none")
    asked = names if corruptions is None else sorted(set(corruptions), key=lambda name: (*names, name).index(name))
    wanted = [Cell(name, level) for name in asked for level in (severities or levels)]
    _refuse_missing(wanted, cells, title)
    return wanted


def _refuse_missing(wanted: Iterable[Cell], cells: Cells, title: str) -> None:
    lacking: dict[str, list[str]] = {}
    for cell in wanted:
        if not cells.has(cell):
            lacking.setdefault(cell.corruption, []).append(str(cell.severity))
    if lacking:
        listed = "; ".join(f"{name} at {', '.join(severities)}" for name, severities in lacking.items())
        raise ConfigError(
            f"{cells.place} of {title}: {listed}. Validate what is there with --corruptions or --severities"
        )


def _folders(folder: Path) -> list[Path]:
    visible = [entry for entry in folder.iterdir() if not is_hidden(entry.name)]
    if broken := [entry for entry in visible if not entry.exists()]:
        raise ConfigError(f"{min(broken)} is a link that leads nowhere: mend it, or remove it")
    return sorted(filter(Path.is_dir, visible))


def _is_strength(folder: Path) -> bool:
    return re.fullmatch(r"\d+\.\d\d", folder.name) is not None


def _severity(folder: Path) -> int:
    name = folder.name
    if not (name.isascii() and name.isdecimal() and str(int(name)) == name and int(name) > 0):
        raise ConfigError(
            f"there is a folder {folder}, which is no severity: folders of corrupted images are called "
            "<corruption>/<severity>/<class>, severities 1, 2, ..."
        )
    return int(name)
