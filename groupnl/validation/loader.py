"""The images of pieces, read, decoded and corrupted by worker processes, and handed on in batches."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from groupnl.base.child_process import helpers
from groupnl.corruptions import corrupt_each
from groupnl.errors import ConfigError, GroupNLError
from groupnl.robustness.replay import spec_of
from groupnl.validation.image_set import LabelledImage
from groupnl.validation.piece import Piece, Recipe

_FILES = 8  # a worker hands on at a time
_NO_OTHER = -1  # label


class Rows(NamedTuple):
    """Images that are ready for the network, in all cells of their piece.

    Attributes:
        pixels: uint8 of shape (B, cells, 3, S, S).
        labels: int64 of shape (B, K): right classes of each; -1 where an image has fewer than others of its piece.
    """

    pixels: Tensor
    labels: Tensor


def read(pieces: Iterable[Piece], workers: int, batch_size: int) -> Iterator[tuple[Piece, Iterator[Rows]]]:
    """Each piece with its images in batches of exactly `batch_size`, but for the last; they are to be taken in turn.

    The workers go on with the next piece while one is counted, so pieces are asked for ahead.

    Args:
        pieces: at least one image each.
        workers: processes that read; 0: this one.
        batch_size: images at a time.

    Raises:
        ConfigError: an image cannot be used; it is named.
    """
    asked: deque[Piece] = deque()
    loader = DataLoader(
        _Images(),
        batch_size=None,  # a chunk is read as a whole
        sampler=_chunks(pieces, asked),
        num_workers=workers,
        collate_fn=_unchanged,
        multiprocessing_context=helpers(workers),
    )
    stream = iter(loader)
    for first in stream:
        piece = asked.popleft()
        others = islice(stream, -(-len(piece.images) // _FILES) - 1)
        yield piece, batches(_usable(chain([first], others)), batch_size)


def batches(rows: Iterable[Rows], size: int) -> Iterator[Rows]:
    """The same images in batches of exactly `size`, but for the last."""
    held: list[Rows] = []
    for more in rows:
        held.append(more)
        while sum(len(each.labels) for each in held) >= size:
            joined = _joined(held)
            yield _cut(joined, slice(None, size))
            held = [_cut(joined, slice(size, None))]
    if held and len(held[-1].labels):
        yield _joined(held)


class _Chunk(NamedTuple):
    recipe: Recipe
    images: tuple[LabelledImage, ...]
    most_labels: int  # of an image of the piece


class _Failure(NamedTuple):
    """An image that cannot be used; a worker cannot raise, torch would put its traceback into the message."""

    image: str
    reason: str


class _Images(Dataset[Rows | _Failure]):
    """Of chunks, which hold all that is to be known; so the workers need not be told of the pieces beforehand."""

    def __getitem__(self, chunk: _Chunk) -> Rows | _Failure:
        pixels = []
        for image in chunk.images:
            try:
                pixels.append(_in_cells(image, chunk.recipe.prepare(image.extent.read()), chunk.recipe))
            except (GroupNLError, OSError) as error:
                return _Failure(_where(image), str(error))
        labels = [(*image.labels, *[_NO_OTHER] * (chunk.most_labels - len(image.labels))) for image in chunk.images]
        return Rows(torch.stack(pixels), torch.tensor(labels))


def _chunks(pieces: Iterable[Piece], asked: deque[Piece]) -> Iterator[_Chunk]:
    for piece in pieces:
        asked.append(piece)
        most = max(len(image.labels) for image in piece.images)
        for start in range(0, len(piece.images), _FILES):
            yield _Chunk(piece.recipe, piece.images[start : start + _FILES], most)


def _unchanged(rows: Any) -> Any:
    return rows


def _usable(stream: Iterable[Rows | _Failure]) -> Iterator[Rows]:
    for rows in stream:
        if isinstance(rows, _Failure):
            raise ConfigError(f"the image {rows.image} cannot be used: {rows.reason}")
        yield rows


def _in_cells(image: LabelledImage, pixels: Tensor, recipe: Recipe) -> Tensor:
    copies = pixels.expand(len(recipe.cells), *pixels.shape)
    making = recipe.making
    if making is None:
        return copies
    specs = [spec_of(image.key, cell, making.seed) for cell in recipe.cells if cell is not None]
    return corrupt_each(copies, specs, published=making.published)


def _where(image: LabelledImage) -> str:
    path = image.extent.path
    return str(path) if path.name == image.key.rsplit("/", 1)[-1] else f"{image.key} in {path}"


def _joined(rows: list[Rows]) -> Rows:
    return Rows(torch.cat([each.pixels for each in rows]), torch.cat([each.labels for each in rows]))


def _cut(rows: Rows, part: slice) -> Rows:
    return Rows(rows.pixels[part], rows.labels[part])
