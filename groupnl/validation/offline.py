"""The offline truth: every held-back image under every corruption and severity, read as the service reads images."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from groupnl.card import ModelCard
from groupnl.corruptions import corrupt_each
from groupnl.corruptions.names import Cell
from groupnl.images.folders import labelled_files, read_pixels
from groupnl.inference.engines.engine import Engine
from groupnl.robustness.record import CellFigures
from groupnl.robustness.replay import spec_of
from groupnl.validation.tally import Counted, Tally


@dataclass(frozen=True)
class HeldBack:
    """Labelled images as the service sees them.

    Attributes:
        keys: of the images, as their shadow specs would have them; ``SPLIT/CLASS/FILE``.
        pixels: uint8 of shape (N, 3, S, S).
        labels: int64 of shape (N,), positions among the classes.
    """

    keys: tuple[str, ...]
    pixels: Tensor
    labels: Tensor


def read_images(data: Path, splits: Sequence[str], card: ModelCard, limit: int | None, seed: int) -> HeldBack:
    """Read the splits, or a random part of them.

    Args:
        data: holds a folder for each split, which holds one for each class.
        splits: their names.
        card: of the model that is to answer them.
        limit: how many images at most; None: all.
        seed: of the choice.

    Raises:
        ConfigError: see `labelled_files`; or an image cannot be used.
    """
    files = [file for split in splits for file in labelled_files(data / split, card.classes)]
    if limit is not None and limit < len(files):
        files = sorted(random.Random(seed).sample(files, limit))  # noqa: S311 (a choice of images, no secret)
    return HeldBack(
        keys=tuple(file.path.relative_to(data).as_posix() for file in files),
        pixels=read_pixels(files, card.input),
        labels=torch.tensor([file.label for file in files]),
    )


class Measurement:
    """Some models on the same images: each image is corrupted once a cell, and all models answer the same pixels.

    Args:
        engines: the models.
        images: what they answer.
        seed: of the corruptions, beside each image's key.
        batch_size: images at a time.
        progress: told how many images were answered.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        images: HeldBack,
        *,
        seed: int,
        batch_size: int = 64,
        progress: Callable[[int], object] = lambda images: None,
    ) -> None:
        self._engines = engines
        self._images = images
        self._seed = seed
        self._batch_size = batch_size
        self._progress = progress
        answers = [self._best(batch) for batch in torch.split(images.pixels, batch_size)]
        self._clean = torch.cat(answers, dim=1)

    def clean_correct(self) -> list[int]:
        """How many clean images each model answers rightly."""
        return [counted.top1 for counted in self._counted(None, self._clean)]

    def cell(self, cell: Cell) -> list[CellFigures]:
        """What each model does with all images under one corruption at one severity."""
        best = torch.cat([self._best(batch) for batch in self._corrupted(cell)], dim=1)
        return [
            CellFigures(corruption=cell.corruption, severity=cell.severity, flips=counted.flips, correct=counted.top1)
            for counted in self._counted(cell, best)
        ]

    def _counted(self, cell: Cell | None, best: Tensor) -> list[Counted]:
        """Each model's answers; `best` is int64 of shape (models, N)."""
        tallies = [Tally() for _ in self._engines]
        for tally, answers, clean in zip(tallies, best, self._clean, strict=True):
            tally.add([cell] * len(answers), top1=answers == self._images.labels, flips=answers != clean)
        return [tally.of(cell) for tally in tallies]

    def _corrupted(self, cell: Cell) -> Iterator[Tensor]:
        specs = [spec_of(key, cell, self._seed) for key in self._images.keys]
        for start in range(0, len(specs), self._batch_size):
            rows = slice(start, start + self._batch_size)
            yield corrupt_each(self._images.pixels[rows], specs[rows])

    def _best(self, pixels: Tensor) -> Tensor:
        """Each model's best class of each image: int64 of shape (models, B)."""
        best = torch.stack([engine(pixels).argmax(dim=1) for engine in self._engines])
        self._progress(len(pixels))
        return best
