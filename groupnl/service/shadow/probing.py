"""The replay of the probe set: every labelled image, clean and under every cell, again and again.

An image meets a cell with the same random numbers in every round: a round later than the first says whether the service
still answers as it did, not more about the model.
"""

import itertools
import random
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.archive.probe import ProbeSet
from groupnl.corruptions import Cell, CorruptionSpec
from groupnl.robustness.replay import spec_of


class ProbeBatch(NamedTuple):
    """Some probe images, each under its own cell.

    Attributes:
        pixels: uint8 of shape (B, 3, S, S).
        specs: what is done to each; None leaves it clean.
        cells: the same, as cells.
        labels: position of each image's class.
    """

    pixels: Tensor
    specs: list[CorruptionSpec | None]
    cells: list[Cell | None]
    labels: list[int]


class Probing:
    """Deals probe images, round after round: first all of them clean, then each under every cell, shuffled.

    Args:
        probe: the images.
        cells: which cells they meet.
        seed: of the corruptions.
        rng: shuffles each round.
    """

    def __init__(self, probe: ProbeSet, cells: tuple[Cell, ...], seed: int, rng: random.Random) -> None:
        self._probe = probe
        self._cells = cells
        self._seed = seed
        self._rng = rng
        self._round: Iterator[tuple[int, Cell | None]] = iter(())

    def deal(self, count: int) -> ProbeBatch:
        """The next images of the round, and of the next one where it ends."""
        dealt = [next(self._round, None) or self._begin() for _ in range(count)]
        cells = [cell for _, cell in dealt]
        images = torch.tensor([image for image, _ in dealt])
        specs = [self._request(image, cell) for image, cell in dealt]
        return ProbeBatch(self._probe.pixels[images], specs, cells, self._probe.labels[images].tolist())

    def _begin(self) -> tuple[int, Cell | None]:
        images = range(len(self._probe.labels))
        clean = [(image, None) for image in images]
        corrupted = [(image, cell) for image in images for cell in self._cells]
        self._round = itertools.chain(*(self._rng.sample(part, len(part)) for part in (clean, corrupted)))
        return next(self._round)

    def _request(self, image: int, cell: Cell | None) -> CorruptionSpec | None:
        if cell is None:
            return None
        return spec_of(f"probe image {image}", cell, self._seed)
