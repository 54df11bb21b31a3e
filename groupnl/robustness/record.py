"""The offline record: how robust a checkpoint was on held-back images before it was packed.

A JSON file beside the checkpoint, ``NAME.robustness.json``; packed into the archive as ``robustness.json``. It holds
counts, not ratios, so that cells can be added up.
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from groupnl.base.atomic_file import write_whole
from groupnl.base.numbers import Count, Sha256
from groupnl.base.problems import problems
from groupnl.corruptions.names import CELLS, Cell
from groupnl.errors import ConfigError

ROBUSTNESS_FILE = "robustness.json"  # inside an archive
SUFFIX = ".robustness.json"  # beside a checkpoint


# What records that do not say it were measured for. It never changes, whatever `groupnl.corruptions` learns.
IMAGENET_C = (
    *("gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    *("snow", "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression"),
    *("speckle_noise", "gaussian_blur", "spatter", "saturate"),
)
_SEVERITIES = (1, 2, 3, 4, 5)


class OfCell(BaseModel):
    """Base of what was counted under one corruption at one severity.

    Attributes:
        corruption: its name.
        severity: 1 to 5.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    corruption: str
    severity: Annotated[int, Field(ge=1, le=5)]

    @property
    def cell(self) -> Cell:
        """Which cell it is."""
        return Cell(self.corruption, self.severity)


EntryOf = TypeVar("EntryOf", bound=OfCell)


def refuse_cells(entries: Sequence[OfCell]) -> None:
    """Refuse a cell that stands twice, or that nothing is known of.

    Raises:
        ValueError: there is one.
    """
    found = [entry.cell for entry in entries]
    if twice := {cell for cell in found if found.count(cell) > 1}:
        raise ValueError(f"{_named(twice)} stands twice")
    if unknown := set(found) - set(CELLS):
        raise ValueError(f"{_named(unknown)} is no cell of ImageNet-C")


def in_order(entries: Iterable[EntryOf]) -> tuple[EntryOf, ...]:
    """Entries in the official order of their cells."""
    return tuple(sorted(entries, key=lambda entry: CELLS.index(entry.cell)))


class CellFigures(OfCell):
    """What one model did with the corrupted copies of all images.

    Attributes:
        flips: copies whose best class is not that of the clean image.
        correct: copies whose best class is the label.
    """

    flips: Count
    correct: Count


class RobustnessRecord(BaseModel):
    """The offline figures of one checkpoint.

    Attributes:
        format: version of this record.
        architecture: of the network, as timm names it.
        weights_sha256: of the checkpoint's file.
        data: name of the folder of the images.
        splits: folders inside it, of which all images were used, or a random part.
        images: how many were used; each cell saw each of them once.
        clean_correct: of those, whose best class is the label without corruption.
        precision: of the network's products, as torch names it.
        seed: of the choice of images and of the corruptions, beside each image's name.
        versions: package -> version that computed the figures.
        corruptions: it is complete when it has all of these at every severity; stored only where it is another list.
        cells: one entry for each corruption and severity that was measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    architecture: str
    weights_sha256: Sha256
    data: str
    splits: Annotated[tuple[str, ...], Field(min_length=1)]
    images: Annotated[int, Field(ge=1)]
    clean_correct: Count
    precision: str
    seed: int
    versions: dict[str, str]
    corruptions: tuple[str, ...] = IMAGENET_C
    cells: tuple[CellFigures, ...] = ()

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        refuse_cells(self.cells)
        counts = [self.clean_correct, *(max(figures.flips, figures.correct) for figures in self.cells)]
        if max(counts) > self.images:
            raise ValueError(f"a count of {max(counts)} is more than the {self.images} images")
        return self

    def missing(self) -> list[Cell]:
        """Cells that it is to have and has not, in the order of its corruptions."""
        found = {figures.cell for figures in self.cells}
        wanted = (Cell(name, severity) for name in self.corruptions for severity in _SEVERITIES)
        return [cell for cell in wanted if cell not in found]

    def with_cell(self, figures: CellFigures) -> "RobustnessRecord":
        """The record with one more cell."""
        return self.model_copy(update={"cells": (*self.cells, figures)})

    def figures(self) -> dict[Cell, CellFigures]:
        """Cell -> what was counted."""
        return {figures.cell: figures for figures in self.cells}

    def agreement(self, cells: Collection[Cell] = CELLS) -> dict[str, float]:
        """Corruption -> share of corrupted copies that kept the best class, its severities added up.

        Args:
            cells: which of the measured cells count.
        """
        flips: dict[str, list[int]] = {}
        for figures in self.cells:
            if figures.cell in cells:
                flips.setdefault(figures.corruption, []).append(figures.flips)
        return {name: 1 - sum(counts) / (len(counts) * self.images) for name, counts in flips.items()}


def read_record(path: Path) -> RobustnessRecord:
    """Read a record.

    Raises:
        ConfigError: it is missing, or no record.
    """
    try:
        return RobustnessRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); make it with `groupnl robustness`") from None
    except ValidationError as error:
        raise ConfigError(f"{path} is no record of `groupnl robustness`: {problems(error)}") from None


def write_record(record: RobustnessRecord, path: Path) -> None:
    """Write a record, cells in the official order, one a line; a reader sees the old file or the new one."""
    lines = [figures.model_dump_json() for figures in in_order(record.cells)]
    unsaid = {"cells"} | ({"corruptions"} if record.corruptions == IMAGENET_C else set())
    head = record.model_dump_json(indent=2, exclude=unsaid).removesuffix("\n}")
    write_whole(path, f'{head},\n  "cells": [{_indented(lines)}]\n}}\n')


def _indented(lines: list[str]) -> str:
    return "\n    " + ",\n    ".join(lines) + "\n  " if lines else ""


def _named(cells: Iterable[Cell]) -> str:
    name, severity = min(cells)
    return f"{name} at severity {severity}"
