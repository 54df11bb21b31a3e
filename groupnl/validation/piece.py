"""Additive pieces: some images of a part in all of its cells, with all that counting them takes.

Whoever counts them, in whatever order, the sums are the same: a piece begins at a multiple of the batch size, and a
batch holds images of one cell. So each image is in the same batch however the work was shared out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from groupnl.corruptions import Cell
from groupnl.validation.image_set import LabelledImage
from groupnl.validation.pixels import Prepare

ANSWERS = 1280  # of a piece, about: minutes of a slow core, some tenths of a second of a GPU


class Making(NamedTuple):
    """How corrupted images are made.

    Attributes:
        seed: of the random numbers, beside each image's key.
        published: add the JPEG round trip of the published files.
    """

    seed: int
    published: bool


class Recipe(NamedTuple):
    """What becomes of an image's bytes.

    Attributes:
        cells: that the image is answered in; None: as it is read, clean.
        prepare: makes its pixels.
        making: makes the cells' corruptions; None: the file is corrupted, or clean, already.
        answers: positions of the classes that may be answered; None: all.
    """

    cells: tuple[Cell | None, ...]
    prepare: Prepare
    making: Making | None = None
    answers: tuple[int, ...] | None = None


class Piece(NamedTuple):
    """What is counted at a time.

    Attributes:
        recipe: of its images.
        images: some of a set's, one after the other.
    """

    recipe: Recipe
    images: tuple[LabelledImage, ...]


@dataclass(frozen=True)
class Part:
    """Images that are read once, and what is measured on them.

    Attributes:
        images: makes their list, when its turn comes.
        recipe: of each.
    """

    images: Callable[[], list[LabelledImage]]
    recipe: Recipe

    def pieces(self, batch_size: int) -> Iterator[Piece]:
        """Its pieces, in the order of the images; all images are listed when the first is asked for."""
        images = self.images()
        for rows in ranges(len(images), len(self.recipe.cells), batch_size):
            yield Piece(self.recipe, tuple(images[rows]))


def ranges(images: int, cells: int, batch_size: int) -> Iterator[slice]:
    """Which images are in which piece.

    Args:
        images: how many there are.
        cells: that each of them is answered in.
        batch_size: a piece has a multiple of it, but for the last one.
    """
    step = batch_size * max(1, ANSWERS // (cells * batch_size))
    return (slice(start, min(start + step, images)) for start in range(0, images, step))
