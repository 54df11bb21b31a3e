"""PixMix (Hendrycks et al., CVPR 2022): an image mixed, a few times, with made pictures and with itself, changed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from groupnl.training.robust.augmentation import Pixels
from groupnl.training.robust.operations import operations
from groupnl.training.robust.pictures import pictures

Levels = NDArray[np.floating[Any]]
_WHITE = 255
_SEVERITY = 3  # of ten
_ROUNDS = 4  # at most
_BETA = 3.0  # how near the image's share is to all of it
_DARKEST = np.float32(2 / _WHITE)  # grey that is not black, twice


class PixMix:
    """Mix an image up to four times, adding or multiplying, with a made picture or with a changed copy of itself.

    Args:
        size: side of the images, pixels.
        rounds: at most.
    """

    def __init__(self, size: int, rounds: int = _ROUNDS) -> None:
        self._pictures = pictures(size + size // 4)
        self._operations = operations(_SEVERITY)
        self._rounds = rounds

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """An image, (size, size, 3), mixed; `random` draws the rounds and what they do."""
        mixed = _levels(self._changed(image, random) if random.random() < 1 / 2 else image)
        for _ in range(random.integers(self._rounds + 1)):
            other = self._picture(len(image), random) if random.random() < 1 / 2 else self._changed(image, random)
            mix = added if random.random() < 1 / 2 else multiplied
            mixed = np.clip(mix(mixed, _levels(other), *_shares(random)), 0, 1)
        pixels: Pixels = np.rint(mixed * _WHITE).astype(np.uint8)
        return pixels

    def _changed(self, image: Pixels, random: np.random.Generator) -> Pixels:
        return self._operations[random.integers(len(self._operations))](image, random)

    def _picture(self, size: int, random: np.random.Generator) -> Pixels:
        """A part of a picture, turned by quarters."""
        picture = self._pictures[random.integers(len(self._pictures))]
        row, column = random.integers(len(picture) - size + 1, size=2)
        part: Pixels = picture[row : row + size, column : column + size]
        return np.rot90(part, int(random.integers(4)))


def added(image: Levels, other: Levels, share: float, other_share: float) -> Levels:
    """A weighted sum, about middle grey; (S, S, 3) from 0 to 1, perhaps a little beyond."""
    return np.float32(share) * (image - 1 / 2) + np.float32(other_share) * (other - 1 / 2) + np.float32(1 / 2)


def multiplied(image: Levels, other: Levels, share: float, other_share: float) -> Levels:
    """A weighted product, likewise: middle grey counts as 1.

    Where the other one is black it counts as nearly so: a negative power of nothing has no end.
    """
    mine = (2 * image) ** np.float32(share)
    return mine * np.maximum(2 * other, _DARKEST) ** np.float32(other_share) / 2


def _shares(random: np.random.Generator) -> tuple[float, float]:
    """Of the image, much, and of the other, little: below 1 and above 0, or beyond that."""
    little = random.beta(1, _BETA)
    return (random.beta(_BETA, 1), little) if random.random() < 1 / 2 else (1 + random.beta(1, _BETA), -little)


def _levels(image: Pixels) -> Levels:
    return image.astype(np.float32) / _WHITE
