"""Looks at live images: which corruption each looks like, and where its statistics lie among held-back images'."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from groupnl.corruptions.names import Cell
from groupnl.traffic.file import Traffic
from groupnl.traffic.record import LOOKS
from groupnl.traffic.statistics import STATISTICS, pixel_statistics


class Look(NamedTuple):
    """What one image looks like.

    Attributes:
        cell: the corruption and severity that it looks like; None: clean.
        ranks: of each of `STATISTICS`, 0 to 1: the share of held-back images that have less of it. Where some have as
            much, it is a random place among them, so that ranks of images like them spread evenly.
    """

    cell: Cell | None
    ranks: tuple[float, ...]


class Onlooker:
    """Looks at images.

    Args:
        traffic: what they are compared with.
        seed: of the random places among equals.
    """

    def __init__(self, traffic: Traffic, seed: int = 0) -> None:
        self._recogniser = traffic.recogniser
        self._reference = traffic.reference
        self._random = np.random.default_rng(seed)

    def look(self, pixels: Tensor) -> list[Look]:
        """Look at a batch.

        Args:
            pixels: uint8 of shape (B, 3, S, S), of the size that the record names.

        Returns:
            One for each image, in order.
        """
        statistics = pixel_statistics(pixels)
        looks = self._recogniser.looks(statistics)
        ranks = self._ranks(statistics[:, : len(STATISTICS)])
        return [Look(LOOKS[look], tuple(row)) for look, row in zip(looks, ranks.tolist(), strict=True)]

    def _ranks(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """(B, statistics)."""
        below, up_to = (
            np.stack(
                [np.searchsorted(row, column, side) for row, column in zip(self._reference, values.T, strict=True)], 1
            )
            for side in ("left", "right")
        )
        places = below + self._random.random(values.shape) * (up_to - below + 1)
        ranks: NDArray[np.float64] = places / (self._reference.shape[1] + 1)
        return ranks
