"""What is to be measured: the clean images and the cells, each with its images, before anything is computed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from groupnl.card import InputConfig
from groupnl.corruptions import Cell
from groupnl.errors import ConfigError
from groupnl.models.trained import Trained
from groupnl.validation.found import find_images
from groupnl.validation.image_set import (
    Choice,
    ImageSet,
    LabelledImage,
    Positions,
    class_names,
    class_positions,
    image_set,
    is_imagenet,
)
from groupnl.validation.loader import Making, Part
from groupnl.validation.pixels import Cropped, Resized
from groupnl.validation.record import Record

IMAGENET_C_SIZE = 224  # pixels of the published files, and of their crop
Sets = Mapping[Cell | None, ImageSet]


class Labelling(NamedTuple):
    """How images get their labels.

    Attributes:
        positions: class name -> position among the logits; empty where images have numbers.
        classes: how many the network has.
        imagenet: whether they are ImageNet's; None: they have numbers, which do not tell.
    """

    positions: Positions
    classes: int
    imagenet: bool | None


def labelling(sets: Sequence[Sequence[Path]], trained: Trained) -> Labelling:
    """How the images of some sets of the same classes get their labels.

    Args:
        sets: paths of each; the first whose classes have names tells their order.
        trained: the network.

    Raises:
        ConfigError: see `find_images` and `class_positions`.
    """
    named = filter(None, (class_names(find_images(paths)) for paths in sets))
    names = next(named, None)
    if names is None:
        return Labelling({}, trained.class_count, imagenet=None)
    positions = class_positions(names, trained.classes, trained.class_count)
    return Labelling(positions, trained.class_count, is_imagenet(names, trained.class_count))


def look_through(paths: Sequence[Path], labels: Labelling, choice: Choice) -> ImageSet:
    """One set; see `image_set`."""
    return image_set(paths, labels.positions, labels.classes, choice)


def cell_folder(root: Path, cell: Cell) -> Path:
    """Where ImageNet-C has a cell."""
    return root / cell.corruption / str(cell.severity)


def cell_folders(root: Path, cells: Iterable[Cell]) -> dict[Cell, Path]:
    """ImageNet-C's folders of the cells.

    Args:
        root: holds ``<corruption>/<severity>/<class>/<file>``.
        cells: that are asked for.

    Raises:
        ConfigError: some are missing; each is named.
    """
    folders = {cell: cell_folder(root, cell) for cell in cells}
    missing = [cell for cell, folder in folders.items() if not folder.is_dir()]
    if not missing:
        return folders
    lacking: dict[str, list[str]] = {}
    for cell in missing:
        lacking.setdefault(cell.corruption, []).append(str(cell.severity))
    listed = "; ".join(f"{name} at {', '.join(severities)}" for name, severities in lacking.items())
    raise ConfigError(
        f"{root} lacks folders <corruption>/<severity> of ImageNet-C: {listed}. Validate what is there with "
        "--corruptions or --severities"
    )


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


def clean_part(images: ImageSet, config: InputConfig) -> Part:
    """The clean images, resized and cropped."""
    return Part(images.list, (None,), Resized(config), config.size)


def file_parts(cells: Iterable[Cell], sets: Sets, size: int) -> list[Part]:
    """ImageNet-C's folders, each file read once for its cell."""
    return [Part(sets[cell].list, (cell,), Cropped(size), size) for cell in cells]


def made_parts(cells: Iterable[Cell], images: ImageSet, config: InputConfig, making: Making) -> list[Part]:
    """The clean images, read once for all severities of a corruption."""
    listed: Callable[[], list[LabelledImage]] = cache(images.list)
    by_name: dict[str, list[Cell]] = {}
    for cell in cells:
        by_name.setdefault(cell.corruption, []).append(cell)
    prepare = Resized(config)
    return [Part(listed, tuple(same), prepare, config.size, making) for same in by_name.values()]
