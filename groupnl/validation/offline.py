"""The offline truth: every held-back image under every corruption and severity, read as the service reads images."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from groupnl.card import InputConfig, ModelCard
from groupnl.corruptions import corrupt_each
from groupnl.corruptions.names import Cell
from groupnl.images.folders import LabelledFile, labelled_files, read_pixels
from groupnl.inference.engines.engine import Engine
from groupnl.robustness.record import CellFigures
from groupnl.robustness.replay import spec_of
from groupnl.validation.tally import Counted, counted


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


def chosen_files(
    data: Path, splits: Sequence[str], classes: Sequence[str], limit: int | None, seed: int
) -> list[LabelledFile]:
    """The images of the splits, or a random part of them.

    Args:
        data: holds a folder for each split, which holds one for each class.
        splits: their names.
        classes: names, in the order of the logits.
        limit: how many images at most; None: all.
        seed: of the choice.

    Raises:
        ConfigError: see `labelled_files`.
    """
    files = [file for split in splits for file in labelled_files(data / split, classes)]
    if limit is not None and limit < len(files):
        files = sorted(random.Random(seed).sample(files, limit))  # noqa: S311 (a choice of images, no secret)
    return files


def read_files(files: Sequence[LabelledFile], data: Path, config: InputConfig) -> HeldBack:
    """Read images.

    Args:
        files: at least one.
        data: the folder that they are in.
        config: of the models' input.

    Raises:
        ConfigError: an image cannot be used.
    """
    return HeldBack(
        keys=tuple(file.path.relative_to(data).as_posix() for file in files),
        pixels=read_pixels(files, config),
        labels=torch.tensor([file.label for file in files]),
    )


def read_images(data: Path, splits: Sequence[str], card: ModelCard, limit: int | None, seed: int) -> HeldBack:
    """Read the splits, or a random part of them; see `chosen_files` and `read_files`."""
    return read_files(chosen_files(data, splits, card.classes, limit, seed), data, card.input)


class Measurement:
    """Some models on the same images: each image is corrupted once a cell, and all models answer the same pixels.

    Args:
        engines: the models.
        images: what they answer.
        seed: of the corruptions, beside each image's key.
        batch_size: images at a time.
        progress: told how many images were answered.
        clean: the models' best classes of the clean images, int64 of shape (models, N); None: they are asked for now.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        images: HeldBack,
        *,
        seed: int,
        batch_size: int = 64,
        progress: Callable[[int], object] = lambda images: None,
        clean: Tensor | None = None,
    ) -> None:
        self._engines = engines
        self._images = images
        self._seed = seed
        self._batch_size = batch_size
        self._progress = progress
        self.clean = self._bests(torch.split(images.pixels, batch_size)) if clean is None else clean

    def clean_correct(self) -> list[int]:
        """How many clean images each model answers rightly."""
        return [counts.top1 for counts in self.counts(None)]

    def cell(self, cell: Cell) -> list[CellFigures]:
        """What each model does with all images under one corruption at one severity."""
        return [cell_figures(cell, counts) for counts in self.counts(cell)]

    def counts(self, cell: Cell | None) -> list[Counted]:
        """The same, as counts; None: without corruption."""
        best = self.clean if cell is None else self._bests(self._corrupted(cell))
        return [
            counted(top1=answers == self._images.labels, flips=answers != clean)
            for answers, clean in zip(best, self.clean, strict=True)
        ]

    def _corrupted(self, cell: Cell) -> Iterator[Tensor]:
        specs = [spec_of(key, cell, self._seed) for key in self._images.keys]
        for start in range(0, len(specs), self._batch_size):
            rows = slice(start, start + self._batch_size)
            yield corrupt_each(self._images.pixels[rows], specs[rows])

    def _bests(self, batches: Iterable[Tensor]) -> Tensor:
        """Each model's best class of each image: int64 of shape (models, N)."""
        return torch.cat([self._best(batch) for batch in batches], dim=1)

    def _best(self, pixels: Tensor) -> Tensor:
        best = torch.stack([engine(pixels).argmax(dim=1) for engine in self._engines])
        self._progress(len(pixels))
        return best


def cell_figures(cell: Cell, counts: Counted) -> CellFigures:
    """The counts of a cell, as a record has them."""
    return CellFigures(corruption=cell.corruption, severity=cell.severity, flips=counts.flips, correct=counts.top1)
