"""Images read, decoded and corrupted by worker processes, and handed on in full batches."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from groupnl.base.child_process import helpers
from groupnl.corruptions import Cell, corrupt_each
from groupnl.errors import ConfigError, GroupNLError
from groupnl.robustness.replay import spec_of
from groupnl.validation.image_set import LabelledImage
from groupnl.validation.pixels import Prepare

_FILES = 8  # a worker hands on at a time


class Making(NamedTuple):
    """How corrupted images are made.

    Attributes:
        seed: of the random numbers, beside each image's key.
        published: add the JPEG round trip of the published files.
    """

    seed: int
    published: bool


@dataclass(frozen=True)
class Part:
    """Images that are read once, and what is measured on them.

    Attributes:
        images: makes their list, when its turn comes.
        cells: the cells that each image is answered in; None: as it is read, clean.
        prepare: makes their pixels.
        size: side of those, pixels.
        making: makes the cells' corruptions; None: the files are corrupted, or clean, already.
    """

    images: Callable[[], list[LabelledImage]]
    cells: tuple[Cell | None, ...]
    prepare: Prepare
    size: int
    making: Making | None = None


class Rows(NamedTuple):
    """Images that are ready for the network.

    Attributes:
        pixels: uint8 of shape (B, 3, S, S).
        labels: int64 of shape (B,).
        cells: of each image; None: clean.
    """

    pixels: Tensor
    labels: Tensor
    cells: tuple[Cell | None, ...]


def read_rows(parts: Iterable[Part], workers: int) -> Iterator[Rows]:
    """The images of all parts, one part after the other.

    Args:
        parts: of one size.
        workers: processes that read; 0: this one.

    Raises:
        ConfigError: an image cannot be used; it is named.
    """
    for part in parts:
        loader = DataLoader(
            _Images(part),
            batch_size=_FILES,
            num_workers=workers,
            collate_fn=_joined_or_failure,
            multiprocessing_context=helpers(workers),
        )
        for rows in loader:
            if isinstance(rows, _Failure):
                raise ConfigError(f"the image {rows.image} cannot be used: {rows.reason}")
            yield rows


def batches(rows: Iterable[Rows], size: int) -> Iterator[Rows]:
    """The same images in batches of exactly `size`, but for the last: a batch takes from two cells where one ends."""
    held: list[Rows] = []
    for more in rows:
        held.append(more)
        while sum(len(each.labels) for each in held) >= size:
            joined = _joined(held)
            yield _cut(joined, slice(None, size))
            held = [_cut(joined, slice(size, None))]
    if held and len(held[-1].labels):
        yield _joined(held)


class _Failure(NamedTuple):
    """An image that cannot be used; a worker cannot raise, torch would put its traceback into the message."""

    image: str
    reason: str


class _Images(Dataset[Rows | _Failure]):
    def __init__(self, part: Part) -> None:
        self._part = part
        self._images = part.images()

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, place: int) -> Rows | _Failure:
        image, cells = self._images[place], self._part.cells
        try:
            pixels = self._part.prepare(image.extent.read())
        except (GroupNLError, OSError) as error:
            return _Failure(_where(image), str(error))
        copies = pixels.expand(len(cells), *pixels.shape)
        return Rows(self._made(image, copies), torch.full((len(cells),), image.label), cells)

    def _made(self, image: LabelledImage, copies: Tensor) -> Tensor:
        making = self._part.making
        if making is None:
            return copies
        specs = [spec_of(image.key, cell, making.seed) for cell in self._part.cells if cell is not None]
        return corrupt_each(copies, specs, published=making.published)


def _where(image: LabelledImage) -> str:
    path = image.extent.path
    return str(path) if path.name == image.key.rsplit("/", 1)[-1] else f"{image.key} in {path}"


def _joined_or_failure(items: list[Rows | _Failure]) -> Rows | _Failure:
    rows = []
    for item in items:
        if isinstance(item, _Failure):
            return item
        rows.append(item)
    return _joined(rows)


def _joined(rows: list[Rows]) -> Rows:
    cells = tuple(cell for each in rows for cell in each.cells)
    return Rows(torch.cat([each.pixels for each in rows]), torch.cat([each.labels for each in rows]), cells)


def _cut(rows: Rows, part: slice) -> Rows:
    return Rows(rows.pixels[part], rows.labels[part], rows.cells[part])
