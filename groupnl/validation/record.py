"""What a validation has counted so far: a JSON file, from which an interrupted one goes on.

It holds counts and says what they are of: counts of another network, other images or other settings are never mixed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from groupnl.base.atomic_file import write_whole
from groupnl.base.numbers import Count, Positive, Sha256, Share
from groupnl.base.problems import problems
from groupnl.card import InputConfig
from groupnl.corruptions.names import NAMES, Cell
from groupnl.errors import ConfigError
from groupnl.validation.calibration import calibration
from groupnl.validation.resume import resume
from groupnl.validation.tally import Counted

FILE = "counts.json"
_DIGITS = 6  # of a share that is stored


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


class Clean(_Part):
    """What the images are that are measured as a whole.

    Attributes:
        clean_set: name of their set; "images": class folders of any kind.
        answers: how many classes could be answered, where the set's own were told apart only; None: all.
        first_class: the network's class that was taken for the set's first, where only its place says so; None: names
            or numbers do.
    """

    clean_set: str = "images"
    answers: int | None = None
    first_class: str | None = None


class Corrupted(_Part):
    """Where corrupted images came from.

    Attributes:
        origin: "files" of ImageNet-C's folders, or of the set of that name, or "made" from the clean images.
        size: side of the input, pixels.
        seed: of the random numbers of those that were made, beside each image's key.
        published: whether those that were made went through the JPEG round trip of the published files.
    """

    origin: str
    size: int
    seed: int | None = None
    published: bool | None = None


class Calibration(_Part):
    """What confidence was worth, see `groupnl.validation.calibration`; no sums, so these alone are stored as shares.

    Attributes:
        ece: expected calibration error.
        rms: RMS calibration error.
        aurc: area under the risk-coverage curve.
    """

    ece: Share
    rms: Share
    aurc: Share


class Counts(_Part):
    """What was counted on one set of images.

    Attributes:
        images: how many, each once.
        top1: of them, whose best class was right.
        top5: of them, whose class was among the best five.
        sha256: of the list of images, see `ImageSet`.
        missing: names of the classes that have no images, or their numbers.
        calibration: of the confidence; None in records of earlier versions.
    """

    images: Annotated[int, Field(ge=1)]
    top1: Count
    top5: Count
    sha256: Sha256
    missing: tuple[str, ...] = ()
    calibration: Calibration | None = None

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if not self.top1 <= self.top5 <= self.images:
            raise ValueError(f"{self.top1} of the best, {self.top5} of the best five, {self.images} images")
        return self


class CellCounts(Counts):
    """The same of one corruption at one severity.

    Attributes:
        corruption: its name.
        severity: from 1.
    """

    corruption: str
    severity: Positive

    @property
    def cell(self) -> Cell:
        """Which cell it is."""
        return Cell(self.corruption, self.severity)


class Record(_Part):
    """All counts of one output folder.

    Attributes:
        format: version of this record.
        settings: of the network.
        corrupted: of the corrupted images; None while there are none.
        clean_of: what the clean images are; None while there are none, and in records of earlier versions.
        clean: counts on the clean images; None until they are measured.
        cells: counts on corrupted images.
    """

    format: Literal[1] = 1
    settings: Settings
    corrupted: Corrupted | None = None
    clean_of: Clean | None = None
    clean: Counts | None = None
    cells: tuple[CellCounts, ...] = ()

    @model_validator(mode="after")
    def _each_cell_once(self) -> Self:
        found = [counts.cell for counts in self.cells]
        if twice := next((cell for cell in found if found.count(cell) > 1), None):
            raise ValueError(f"{twice.corruption} at severity {twice.severity} stands twice")
        return self

    def counts(self, cell: Cell | None) -> Counts | None:
        """What was counted in a cell, or on the clean images; None: nothing yet."""
        if cell is None:
            return self.clean
        return next((counts for counts in self.cells if counts.cell == cell), None)

    def with_counts(self, cell: Cell | None, counts: Counts) -> "Record":
        """The record with one set more; ImageNet-C's cells in their official order, others after them by name."""
        if cell is None:
            return self.model_copy(update={"clean": counts})
        more = CellCounts(corruption=cell.corruption, severity=cell.severity, **counts.model_dump())
        return self.model_copy(update={"cells": tuple(sorted((*self.cells, more), key=_place))})


def counts_of(found: Counted, sha256: str, missing: tuple[str, ...]) -> Counts:
    """What is kept of what was counted on a set.

    Args:
        found: on all its images.
        sha256: of their list.
        missing: names of the classes that have none.
    """
    shares = {name: round(share, _DIGITS) for name, share in calibration(found.answers)._asdict().items()}
    return Counts(
        images=found.images,
        top1=found.top1,
        top5=found.top5,
        sha256=sha256,
        missing=missing,
        calibration=Calibration(**shares),
    )


def resumed(path: Path, settings: Settings, clean_of: Clean | None, corrupted: Corrupted | None) -> Record:
    """The record that lies there, or an empty one.

    Raises:
        ConfigError: it is no record, or of another network, other settings, or other clean or corrupted images.
    """
    fresh = Record(settings=settings, clean_of=clean_of, corrupted=corrupted)
    return resume(path, fresh, read=_read, merge=_filled, settings=_told)


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
    later = {name: getattr(record, name) or getattr(other, name) for name in ("clean_of", "corrupted")}
    return record.model_copy(update={"settings": settings, **later})


def _told(record: Record) -> dict[str, Any]:
    """What must be the same; what a class is called is not known of earlier versions, and changes no count."""
    parts = filter(None, (record.settings, record.clean_of, record.corrupted))
    return {name: value for part in parts for name, value in part.model_dump(exclude={"first_class"}).items()}


def _place(counts: CellCounts) -> tuple[int, str, int]:
    known = NAMES.index(counts.corruption) if counts.corruption in NAMES else len(NAMES)
    return known, counts.corruption, counts.severity
