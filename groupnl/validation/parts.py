"""What is read at a time: the clean images, a cell of a corrupted set, or the clean images to corrupt them."""

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
    return Part(images.list, Recipe((None,), Resized(config, images.decode), answers=images.answers))


def file_parts(cells: Iterable[Cell], sets: Sets, config: InputConfig, crop: bool) -> list[Part]:
    """The cells of a corrupted set, each image read once for its cell.

    Args:
        cells: which of them.
        sets: their images.
        config: of the network's input.
        crop: the images are cropped to the input's size, and not resized.
    """
    return [
        Part(sets[cell].list, Recipe((cell,), (Cropped(config.size, read) if crop else Resized(config, read))))
        for cell in cells
        for read in [sets[cell].decode]
    ]


def made_parts(cells: Iterable[Cell], images: ImageSet, config: InputConfig, making: Making) -> list[Part]:
    """The clean images, read once for all severities of a corruption."""
    listed: Callable[[], list[LabelledImage]] = cache(images.list)
    by_name: dict[str, list[Cell]] = {}
    for cell in cells:
        by_name.setdefault(cell.corruption, []).append(cell)
    prepare = Resized(config, images.decode)
    return [Part(listed, Recipe(tuple(same), prepare, making, images.answers)) for same in by_name.values()]
