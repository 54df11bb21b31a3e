"""What is read at a time: the clean images, a folder of ImageNet-C, or the clean images to corrupt them."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache

from groupnl.card import InputConfig
from groupnl.corruptions import Cell
from groupnl.validation.image_set import ImageSet, LabelledImage
from groupnl.validation.piece import Making, Part, Recipe
from groupnl.validation.pixels import Cropped, Resized

Sets = Mapping[Cell | None, ImageSet]


def clean_part(images: ImageSet, config: InputConfig) -> Part:
    """The clean images, resized and cropped."""
    return Part(images.list, Recipe((None,), Resized(config)))


def file_parts(cells: Iterable[Cell], sets: Sets, size: int) -> list[Part]:
    """ImageNet-C's folders, each file read once for its cell."""
    return [Part(sets[cell].list, Recipe((cell,), Cropped(size))) for cell in cells]


def made_parts(cells: Iterable[Cell], images: ImageSet, config: InputConfig, making: Making) -> list[Part]:
    """The clean images, read once for all severities of a corruption."""
    listed: Callable[[], list[LabelledImage]] = cache(images.list)
    by_name: dict[str, list[Cell]] = {}
    for cell in cells:
        by_name.setdefault(cell.corruption, []).append(cell)
    prepare = Resized(config)
    return [Part(listed, Recipe(tuple(same), prepare, making)) for same in by_name.values()]
