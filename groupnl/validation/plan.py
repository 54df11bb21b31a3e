"""What is to be measured: the clean images and the cells, each with its images, before anything is computed."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from groupnl.base.progress import progress
from groupnl.corruptions import CELLS, Cell
from groupnl.corruptions.corrupt import MIN_SIDE, check
from groupnl.errors import ConfigError
from groupnl.inference.device import precision_name
from groupnl.models.input_size import refuse_size
from groupnl.models.trained import Trained
from groupnl.validation.how import How
from groupnl.validation.image_set import ImageSet
from groupnl.validation.imagenet_c import IMAGENET_C_SIZE, cell_folder, cell_folders
from groupnl.validation.labelling import Labelling, labelling, look_through
from groupnl.validation.options import Options
from groupnl.validation.parts import Sets, clean_part, file_parts, made_parts
from groupnl.validation.piece import Making, Part
from groupnl.validation.record import Corrupted, Record, Settings, resumed

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


def labels_of(options: Options, trained: Trained) -> Labelling:
    """How the images get their labels: by the clean ones, or by the first of ImageNet-C's folders.

    Raises:
        ConfigError: see `cell_folders` and `labelling`.
    """
    folders = list(cell_folders(options.imagenet_c, options.cells).values()) if options.imagenet_c else []
    return labelling([paths for paths in (options.data, folders[:1]) if paths], trained)


def plan(options: Options, trained: Trained, how: How, labels: Labelling, path: Path) -> Work:
    """Look through the images, and at the record that lies at `path`.

    Raises:
        ConfigError: the record is of something else, or images or the input's size cannot be used.
    """
    if options.corrupt:
        check(cell.corruption for cell in options.cells)
    corrupted = _corrupted(options, trained)
    for size in {*([trained.input.size] if options.data else []), *([corrupted.size] if corrupted else [])}:
        refuse_size(trained.network, trained.architecture, size, "--input-size")
    record = resumed(path, _settings(trained, how, labels.imagenet), corrupted)
    # What was measured before is looked through too, where it still lies there: the figures are of all cells together.
    stored = {counts.cell for counts in record.cells if options.corrupt or _lies_there(options.imagenet_c, counts.cell)}
    asked = options.cells
    sets = _sets(options, labels, [cell for cell in CELLS if cell in stored or cell in asked])
    return Work(record, sets, _parts(options, trained, sets, left(record, sets)))


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


def _lies_there(root: Path | None, cell: Cell) -> bool:
    return root is not None and cell_folder(root, cell).is_dir()


def _sets(options: Options, labels: Labelling, cells: Sequence[Cell]) -> dict[Cell | None, ImageSet]:
    sets: dict[Cell | None, ImageSet] = {}
    if options.data:
        sets[None] = look_through(options.data, labels, options.choice)
    if options.corrupt:
        sets |= dict.fromkeys(cells, sets[None])
    if options.imagenet_c:
        found = cell_folders(options.imagenet_c, cells).items()
        folders = progress(found, title="looking through", stays=False, unit="folders")
        sets |= {cell: look_through([folder], labels, options.choice) for cell, folder in folders}
    return sets


def _parts(options: Options, trained: Trained, sets: Sets, todo: Sequence[Cell | None]) -> list[Part]:
    clean = [clean_part(sets[None], trained.input)] if None in todo else []
    cells = [cell for cell in todo if cell is not None]
    if options.corrupt:
        return clean + made_parts(cells, sets[None], trained.input, Making(options.seed, options.as_published))
    return clean + file_parts(cells, sets, options.input_size or IMAGENET_C_SIZE)


def _corrupted(options: Options, trained: Trained) -> Corrupted | None:
    size = trained.input.size
    if options.corrupt:
        if size < MIN_SIDE:
            raise ConfigError(
                f"--corrupt needs an input of {MIN_SIDE} pixels or more; this network's is {size}: --input-size"
            )
        return Corrupted(origin="made", size=size, seed=options.seed, published=options.as_published)
    if options.imagenet_c is None:
        return None
    if trained.says_size and options.input_size is None and size != IMAGENET_C_SIZE:
        raise ConfigError(
            f"{trained.path} takes {size} pixels, and ImageNet-C's crop is {IMAGENET_C_SIZE}: choose with --input-size"
        )
    return Corrupted(origin="files", size=options.input_size or IMAGENET_C_SIZE)


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
