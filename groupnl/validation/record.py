"""What a validation has counted so far: a JSON file, from which an interrupted one goes on.

It holds counts and says what they are of: counts of another network, other images or other settings are never mixed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from groupnl.base.atomic_file import write_whole
from groupnl.base.numbers import Count, Sha256
from groupnl.base.problems import problems
from groupnl.card import InputConfig
from groupnl.corruptions.names import Cell
from groupnl.errors import ConfigError
from groupnl.robustness.record import OfCell, in_order, refuse_cells
from groupnl.validation.resume import resume

FILE = "counts.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(_Part):
    """The network and how it was run.

    Attributes:
        architecture: timm name.
        weights_sha256: of the checkpoint's file.
        averaged: whether averaged weights were taken where there were some.
        classes: how many it tells apart.
        imagenet: whether the images' classes are ImageNet's; None: they have numbers, which do not tell.
        input: how a clean image became its input.
        engine: what ran it.
        precision: of its products, as torch names it.
        device: "cpu" or "cuda".
        versions: package -> version that computed.
    """

    architecture: str
    weights_sha256: Sha256
    averaged: bool
    classes: int
    imagenet: bool | None
    input: InputConfig
    engine: str
    precision: str
    device: str
    versions: dict[str, str]


class Corrupted(_Part):
    """Where corrupted images came from.

    Attributes:
        origin: "files" of ImageNet-C's folders, or "made" from the clean images.
        size: side of the input, pixels.
        seed: of the random numbers of those that were made, beside each image's key.
        published: whether those that were made went through the JPEG round trip of the published files.
    """

    origin: Literal["files", "made"]
    size: int
    seed: int | None = None
    published: bool | None = None


class Counts(_Part):
    """What was counted on one set of images.

    Attributes:
        images: how many, each once.
        top1: of them, whose best class was right.
        top5: of them, whose class was among the best five.
        sha256: of the list of images, see `ImageSet`.
        missing: names of the classes that have no images, or their numbers.
    """

    images: Annotated[int, Field(ge=1)]
    top1: Count
    top5: Count
    sha256: Sha256
    missing: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if not self.top1 <= self.top5 <= self.images:
            raise ValueError(f"{self.top1} of the best, {self.top5} of the best five, {self.images} images")
        return self


class CellCounts(OfCell, Counts):
    """The same of one corruption at one severity."""


class Record(_Part):
    """All counts of one output folder.

    Attributes:
        format: version of this record.
        settings: of the network.
        corrupted: of the corrupted images; None while there are none.
        clean: counts on the clean images; None until they are measured.
        cells: counts on corrupted images.
    """

    format: Literal[1] = 1
    settings: Settings
    corrupted: Corrupted | None = None
    clean: Counts | None = None
    cells: tuple[CellCounts, ...] = ()

    @model_validator(mode="after")
    def _of_imagenet_c(self) -> Self:
        refuse_cells(self.cells)
        return self

    def counts(self, cell: Cell | None) -> Counts | None:
        """What was counted in a cell, or on the clean images; None: nothing yet."""
        if cell is None:
            return self.clean
        return next((counts for counts in self.cells if counts.cell == cell), None)

    def with_counts(self, cell: Cell | None, counts: Counts) -> "Record":
        """The record with one set more; cells in the official order."""
        if cell is None:
            return self.model_copy(update={"clean": counts})
        more = CellCounts(corruption=cell.corruption, severity=cell.severity, **counts.model_dump())
        return self.model_copy(update={"cells": in_order((*self.cells, more))})


def resumed(path: Path, settings: Settings, corrupted: Corrupted | None) -> Record:
    """The record that lies there, or an empty one.

    Raises:
        ConfigError: it is no record, or of another network, other settings or other corrupted images.
    """
    return resume(path, Record(settings=settings, corrupted=corrupted), read=_read, merge=_filled, settings=_told)


def write(record: Record, path: Path) -> None:
    """Write a record in one step."""
    write_whole(path, record.model_dump_json(indent=1) + "\n")


def _read(path: Path) -> Record:
    try:
        return Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConfigError(f"{path} is no record of `groupnl validate`: {problems(error)}; remove it") from None


def _filled(record: Record, other: Record) -> Record:
    """What numbers do not tell of the classes, images with names may have told; corrupted images may come later."""
    imagenet = other.settings.imagenet if record.settings.imagenet is None else record.settings.imagenet
    settings = record.settings.model_copy(update={"imagenet": imagenet})
    return record.model_copy(update={"settings": settings, "corrupted": record.corrupted or other.corrupted})


def _told(record: Record) -> dict[str, Any]:
    return record.settings.model_dump() | (record.corrupted.model_dump() if record.corrupted else {})
