"""The replay of the probe set: every labelled image under every cell, in shuffled order, again and again.

An image meets a cell with the same random numbers in every round: a round later than the first says whether the service
still answers as it did, not more about the model.
"""

import random
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.archive.probe import ProbeSet
from groupnl.corruptions import Cell, Request
from groupnl.robustness.deck import Deck
from groupnl.robustness.sampling import seed_of


class ProbeBatch(NamedTuple):
    """Some probe images, each under its own cell.

    Attributes:
        pixels: uint8 of shape (B, 3, S, S).
        requests: what is done to each; None leaves it clean.
        cells: the same, as cells.
        labels: position of each image's class.
    """

    pixels: Tensor
    requests: list[Request | None]
    cells: list[Cell | None]
    labels: list[int]


class Probing:
    """Deals probe images.

    Args:
        probe: the images.
        cells: which cells they meet, beside none.
        seed: of the corruptions.
        rng: shuffles each round.
    """

    def __init__(self, probe: ProbeSet, cells: tuple[Cell, ...], seed: int, rng: random.Random) -> None:
        self._probe = probe
        self._cells: tuple[Cell | None, ...] = (None, *cells)
        self._seed = seed
        self._deck = Deck(range(len(probe.labels) * len(self._cells)), rng)

    def deal(self, count: int) -> ProbeBatch:
        """The next images of the round."""
        dealt = [divmod(self._deck.deal(), len(self._cells)) for _ in range(count)]
        images = torch.tensor([image for image, _ in dealt])
        cells = [self._cells[cell] for _, cell in dealt]
        return ProbeBatch(
            self._probe.pixels[images],
            [self._request(image, cell) for (image, _), cell in zip(dealt, cells, strict=True)],
            cells,
            self._probe.labels[images].tolist(),
        )

    def _request(self, image: int, cell: Cell | None) -> Request | None:
        if cell is None:
            return None
        return Request(*cell, seed_of(f"probe image {image}", *cell, self._seed))
