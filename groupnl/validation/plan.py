"""What is to be measured: the clean images and the cells, each with its images, before anything is computed."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from groupnl.base.progress import progress
from groupnl.corruptions import Cell
from groupnl.corruptions.corrupt import MIN_SIDE, check
from groupnl.errors import ConfigError
from groupnl.inference.device import precision_name
from groupnl.models.input_size import refuse_size
from groupnl.models.trained import Trained
from groupnl.validation.asked import Asked, CorruptedSet
from groupnl.validation.even import refuse_uneven
from groupnl.validation.how import How
from groupnl.validation.image_set import ImageSet
from groupnl.validation.labelling import look_through
from groupnl.validation.options import Options
from groupnl.validation.parts import Sets, clean_part, file_parts, made_parts
from groupnl.validation.piece import Making, Part
from groupnl.validation.record import Clean, Corrupted, Record, Settings, resumed
from groupnl.validation.sets.images import taken_for_first

_PACKAGES = ("torch", "timm", "pillow", "numpy", "opencv-python-headless")


class Work(NamedTuple):
    """What is measured.

    Attributes:
        record: what is known already.
        sets: images of each cell, and of the clean images (None).
        parts: what is left to read.
    """

    record: Record
    sets: Mapping[Cell | None, ImageSet]
    parts: Sequence[Part]


def plan(wanted: Asked, options: Options, trained: Trained, how: How, path: Path) -> Work:
    """Look through the images, and at the record that lies at `path`.

    Args:
        wanted: the images.
        options: how they are measured.
        trained: the network, with the input that the images become.
        how: it is run.
        path: of the record.

    Raises:
        ConfigError: the record is of something else, or images or the input's size cannot be used.
    """
    if options.corrupt:
        check(cell.corruption for cell in wanted.cells)
    corrupted = _corrupted(wanted, options, trained)
    for size in {*([trained.input.size] if wanted.clean else []), *([corrupted.size] if corrupted else [])}:
        refuse_size(trained.network, trained.architecture, size, "--input-size", trained.input.channels)
    clean = _clean_set(wanted, options)
    settings, clean_of = _settings(trained, how, wanted.labels.imagenet), _clean_of(wanted, clean, trained)
    record = resumed(path, settings, clean_of, corrupted)
    cells = _cells(wanted, options, record, clean)
    sets: dict[Cell | None, ImageSet] = ({None: clean} if clean else {}) | cells
    return Work(record, sets, _parts(wanted, options, trained, sets, left(record, sets)))


def left(record: Record, sets: Sets) -> list[Cell | None]:
    """What the record does not hold yet, in the order of the sets.

    Raises:
        ConfigError: it holds counts of other images.
    """
    todo = []
    for cell, images in sets.items():
        stored = record.counts(cell)
        if stored is None:
            todo.append(cell)
        elif (stored.images, stored.sha256) != (images.images, images.sha256):
            name = "the clean images" if cell is None else f"{cell.corruption} at severity {cell.severity}"
            raise ConfigError(
                f"{name} were measured on {stored.images} images that are not these {images.images}: name another "
                "--output, or remove the old one"
            )
    return todo


def _clean_set(wanted: Asked, options: Options) -> ImageSet | None:
    if wanted.clean is None:
        return None
    return look_through(wanted.clean.images, wanted.labels, options.choice, wanted.clean.kind.restricted)


def _clean_of(wanted: Asked, images: ImageSet | None, trained: Trained) -> Clean | None:
    if wanted.clean is None or images is None:
        return None
    kind = wanted.clean.kind
    answers = None if images.answers is None else len(images.answers)
    has_numbers = kind.counted and not wanted.clean.images.class_folders()
    first = taken_for_first(trained.classes) if has_numbers else None
    return Clean(clean_set=kind.name, answers=answers, first_class=first)


def _cells(wanted: Asked, options: Options, record: Record, clean: ImageSet | None) -> dict[Cell, ImageSet]:
    """The images of the cells that were asked for, and of those that were measured before, where they still lie there.

    The figures are of all cells together.
    """
    stored = [counts.cell for counts in record.cells if counts.cell not in wanted.cells]
    if options.corrupt and clean:
        return dict.fromkeys([*stored, *wanted.cells], clean)
    if wanted.corrupted is None:
        return {}
    cells = wanted.corrupted.cells
    both = progress([*filter(cells.has, stored), *wanted.cells], title="looking through", stays=False, unit="folders")
    found = {cell: look_through(cells.images(cell), wanted.labels, options.choice) for cell in both}
    refuse_uneven({cell: found[cell] for cell in wanted.cells}, wanted.labels.positions)
    return found


def _parts(wanted: Asked, options: Options, trained: Trained, sets: Sets, todo: Sequence[Cell | None]) -> list[Part]:
    clean = [clean_part(sets[None], trained.input)] if None in todo else []
    cells = [cell for cell in todo if cell is not None]
    if options.corrupt:
        return clean + made_parts(cells, sets[None], trained.input, Making(options.seed, options.as_published))
    if wanted.corrupted is None:
        return clean
    crop = wanted.corrupted.kind.crop
    config = trained.input.model_copy(update={"size": _size(wanted.corrupted, options, trained)})
    return clean + file_parts(cells, sets, config, crop=crop is not None)


def _corrupted(wanted: Asked, options: Options, trained: Trained) -> Corrupted | None:
    size = trained.input.size
    if options.corrupt:
        if size < MIN_SIDE:
            raise ConfigError(
                f"--corrupt needs an input of {MIN_SIDE} pixels or more; this network's is {size}: --input-size"
            )
        return Corrupted(origin="made", size=size, seed=options.seed, published=options.as_published)
    if wanted.corrupted is None:
        return None
    return Corrupted(origin=wanted.corrupted.kind.origin, size=_size(wanted.corrupted, options, trained))


def _size(corrupted: CorruptedSet, options: Options, trained: Trained) -> int:
    """Of the input that files of a corrupted set become."""
    crop = corrupted.kind.crop
    if crop is None:
        return trained.input.size
    if trained.says_size and options.input_size is None and trained.input.size != crop:
        raise ConfigError(
            f"{trained.path} takes {trained.input.size} pixels, and {corrupted.kind.title}'s crop is {crop}: choose "
            "with --input-size"
        )
    return options.input_size or crop


def _settings(trained: Trained, how: How, imagenet: bool | None) -> Settings:
    return Settings(
        architecture=trained.architecture,
        weights_sha256=trained.sha256,
        averaged=trained.averaged,
        classes=trained.class_count,
        imagenet=imagenet,
        input=trained.input,
        engine=how.way.engine,
        precision=precision_name(how.way.precision),
        device=how.device.type,
        versions={name: version(name) for name in _PACKAGES},
    )
