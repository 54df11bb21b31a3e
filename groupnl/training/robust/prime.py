"""PRIME (Modas et al., ECCV 2022): random filters, smooth maps and colour curves of the greatest entropy, mixed.

Strengths are those of the published configuration for ImageNet, drawn for each filter and curve; maps lie between those
that move nothing and those that fold the image, as Petrini et al. (NeurIPS 2021) derive them.
"""

import math
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from groupnl.training.robust.augmentation import Pixels
from groupnl.training.robust.mixture import mixture

Floats = NDArray[np.float32]
_WHITE = 255
_SIDE, _MOST_DEVIATION = 3, 4.0  # a filter's pixels, and the largest deviation of its weights
_FREQUENCIES, _BAND, _MOST_VARIANCE = 100, 20, 0.05  # of a curve's sines, those of one curve, their largest variance
_LEAST_CUT, _MOST_CUT = 2, 100  # of the frequencies of a map
_LEVEL = np.linspace(0, 1, _WHITE + 1)
_SINES = np.sin(np.pi * np.outer(_LEVEL, np.arange(1, _FREQUENCIES + 1)))


class Prime:
    """Mix an image with chains of filters, maps and curves.

    Args:
        size: side of the images, pixels.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._most_cut = max(_LEAST_CUT, min(_MOST_CUT, size // 2))
        self._operations = (self._filter, self._map, self._curve)

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """An image, (size, size, 3), mixed; `random` draws the operations and their shares."""
        return mixture(image, random, self._operations)

    def _filter(self, image: Pixels, random: np.random.Generator) -> Pixels:
        return filtered(image, filter_weights(random))

    def _map(self, image: Pixels, random: np.random.Generator) -> Pixels:
        cut = int(random.integers(_LEAST_CUT, self._most_cut + 1))
        temperature = random.uniform(*temperatures(cut, self._size))
        squares = np.add.outer(np.arange(1, cut + 1) ** 2, np.arange(1, cut + 1) ** 2)
        spread = np.where(squares <= cut**2, np.sqrt(temperature / squares), 0)
        return moved(image, random.normal(0, 1, (2, cut, cut)) * spread)

    def _curve(self, image: Pixels, random: np.random.Generator) -> Pixels:
        first = int(random.integers(_FREQUENCIES - _BAND + 1))
        return recoloured(image, first, curve_amplitudes(random))


def filter_weights(random: np.random.Generator) -> NDArray[np.float64]:
    """A random filter's: (3, 3), of one deviation, drawn evenly up to 4."""
    return random.normal(0, random.uniform(0, _MOST_DEVIATION), (_SIDE, _SIDE))


def curve_amplitudes(random: np.random.Generator) -> NDArray[np.float64]:
    """A random curve's for each colour: (20, 3), of one variance, drawn evenly up to 0.05."""
    return random.normal(0, math.sqrt(random.uniform(0, _MOST_VARIANCE)), (_BAND, 3))


def filtered(image: Pixels, weights: NDArray[np.float64]) -> Pixels:
    """The image plus what a filter makes of it, cut to what pixels can be.

    Args:
        image: (S, S, 3).
        weights: of the filter, (3, 3), for all three colours.
    """
    kernel = torch.from_numpy(weights.astype(np.float32))
    kernel[_SIDE // 2, _SIDE // 2] += 1
    padded = F.pad(_maps_of(image), (_SIDE // 2,) * 4, mode="replicate")
    return _pixels_of(F.conv2d(padded, kernel[None, None]))


def moved(image: Pixels, amplitudes: NDArray[np.float64]) -> Pixels:
    """The image seen through a smooth map that keeps its edges in place.

    Args:
        image: (S, S, 3).
        amplitudes: of the sines that pixels are moved by, as parts of the side: to the right and down, (2, C, C); the
            frequencies are half waves a side, 1 to C, down first.
    """
    place = np.linspace(0, 1, len(image))
    waves = _waves(len(image), amplitudes.shape[1])
    right, down = waves @ amplitudes @ waves.T
    grid = np.stack([place[None, :] + right, place[:, None] + down], axis=-1) * 2 - 1
    seen = F.grid_sample(
        _maps_of(image).transpose(0, 1),
        torch.from_numpy(grid.astype(np.float32))[None],
        padding_mode="border",
        align_corners=True,
    )
    return _pixels_of(seen.transpose(0, 1))


@cache
def _waves(size: int, count: int) -> NDArray[np.float64]:
    """Sines of 1 to `count` half waves a side, at the pixels of a side: (size, count)."""
    return np.sin(np.pi * np.outer(np.linspace(0, 1, size), np.arange(1, count + 1)))


def temperatures(cut: int, size: int) -> tuple[float, float]:
    """The least and the largest variance that a map's amplitudes begin with.

    With the least, pixels move by half a pixel; with the largest, a map still hardly ever folds the image.

    Args:
        cut: highest frequency.
        size: side of the image, pixels.
    """
    most = 4 / (math.pi**3 * cut**2 * math.log(cut))
    return min(most, 1 / (math.pi * size**2 * math.log(cut))), most


def recoloured(image: Pixels, first: int, amplitudes: NDArray[np.float64]) -> Pixels:
    """The image with another curve for each colour: its level plus a sum of sines.

    Args:
        image: (S, S, 3).
        first: how many frequencies are passed over.
        amplitudes: of the frequencies that follow, (K, 3), as parts of white.
    """
    curves = _LEVEL[:, None] + _SINES[:, first : first + len(amplitudes)] @ amplitudes
    table = np.rint(np.clip(curves, 0, 1) * _WHITE).astype(np.uint8)
    recoloured: Pixels = table[image, np.arange(3)]
    return recoloured


def _maps_of(image: Pixels) -> Tensor:
    """(3, 1, S, S) float32: colours are images of their own."""
    return torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1).unsqueeze(1)


def _pixels_of(maps: Tensor) -> Pixels:
    levels = maps.round().clamp(0, _WHITE).to(torch.uint8).squeeze(1).permute(1, 2, 0)
    pixels: Pixels = levels.contiguous().numpy()
    return pixels
