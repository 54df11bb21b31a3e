"""The images that were asked for: their sets, where they lie, and how they get their labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from groupnl.card import InputConfig
from groupnl.corruptions.names import NAMES, SEVERITIES, Cell
from groupnl.errors import ConfigError
from groupnl.models.trained import Trained
from groupnl.validation.labelling import Labelling, labelling
from groupnl.validation.options import Options
from groupnl.validation.sets.cells import Cells, chosen_cells
from groupnl.validation.sets.images import Images, only
from groupnl.validation.sets.kinds import CleanKind, CorruptedKind
from groupnl.validation.sets.table import CLEAN, CORRUPTED


class CleanSet(NamedTuple):
    """A set that is measured as a whole."""

    kind: CleanKind
    images: Images


class CorruptedSet(NamedTuple):
    """A set of corrupted images."""

    kind: CorruptedKind
    cells: Cells


class Asked(NamedTuple):
    """What was asked for.

    Attributes:
        clean: images that are measured as a whole, or corrupted here.
        corrupted: images that are corrupted already.
        cells: that are to be measured.
        labels: how all of them get theirs.
    """

    clean: CleanSet | None
    corrupted: CorruptedSet | None
    cells: Sequence[Cell]
    labels: Labelling

    def input(self, trained: Trained, options: Options) -> InputConfig:
        """How the images become the network's input."""
        config = trained.input
        for each in (self.clean, self.corrupted):
            if each is not None:
                config = each.kind.input(config, trained.says_size, options.input_size, options.crop_pct)
        return config


def asked(options: Options, trained: Trained) -> Asked:
    """Open the sets.

    Raises:
        ConfigError: cells are missing, or a set is not as it was published; see `Images` and `labelling`.
    """
    names, count = trained.classes, trained.class_count
    clean, corrupted, cells = None, None, _made(options)
    if named := options.clean:
        kind = CLEAN[named.name]
        clean = CleanSet(kind, kind.open(named.paths, names, count))
    if named := options.corrupted:
        corrupted, cells = _corrupted(CORRUPTED[named.name], named.paths, options, trained)
    first = corrupted and corrupted.cells.images(cells[0])
    sets = [images for images in (clean and clean.images, first) if images]
    return Asked(clean, corrupted, cells, labelling(sets, trained))


def _made(options: Options) -> list[Cell]:
    """Those that are to be made here."""
    if not options.corrupt:
        return []
    names, severities = options.corruptions or NAMES, options.severities or SEVERITIES
    return [
        Cell(name, severity) for name in NAMES if name in names for severity in SEVERITIES if severity in severities
    ]


def _corrupted(
    kind: CorruptedKind, paths: tuple[Path, ...], options: Options, trained: Trained
) -> tuple[CorruptedSet, list[Cell]]:
    folder = only(paths)
    if not folder.is_dir():
        problem = "is no folder" if folder.exists() else "does not exist"
        raise ConfigError(f"{folder} {problem}: name the unpacked folder of {kind.title}")
    cells = kind.open(folder, trained.classes, trained.class_count)
    chosen = chosen_cells(cells, kind.title, kind.corruptions, options.corruptions, options.severities)
    return CorruptedSet(kind, cells), chosen
