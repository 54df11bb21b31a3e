"""Statistics of how light and how colourful an image is: few pixels tell them, wherever they lie."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from groupnl.traffic.planes import Floats, mean

_SIDE = 32  # pixels that are looked at in a row, about; every n-th of a larger image
_LEVELS = 256
_WHITE = np.float32(_LEVELS - 1)
_BINS = 16
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_QUANTILES = np.array([1e-6, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1 - 1e-4])
_TINY = 1e-4
_DARK = 16.0  # levels; colours of what is darker say little


def luma(levels: NDArray[Any]) -> Floats:
    """Brightness as JPEG weighs it: (B, 3, ...) -> float32 (B, ...), levels."""
    # No product of matrices, which may round equal pixels differently.
    light, green, blue = (levels[:, channel] * weight for channel, weight in enumerate(_LUMA))
    light += green
    light += blue
    found: Floats = light
    return found


def colours(pixels: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Statistics of light and colour.

    Args:
        pixels: uint8 of shape (B, 3, S, S).

    Returns:
        Mean and standard deviation of the luma and mean distance of the largest and smallest channel, each 0 to 1,
        (B, 3); and others, float32 (B, N).
    """
    step = max(1, pixels.shape[-1] // _SIDE)
    levels = pixels[..., ::step, ::step].astype(np.float32).reshape(len(pixels), 3, -1)
    light, most, least = luma(levels), levels.max(1), levels.min(1)
    spread = most - least
    # As HSV has it; what is dark is taken for grey.
    saturation = spread / np.maximum(most, _DARK) * _WHITE
    counts = _histograms(np.stack([light, most, least, saturation], 1))
    shares = counts.astype(np.float32) / light.shape[1]
    values = np.concatenate([np.stack([light, spread, saturation], 1), levels], 1)
    middle = mean(values)
    values -= middle[..., None]
    deviation: Floats = np.sqrt(np.vecdot(values, values) / light.shape[1])
    # Spread and saturation with light.
    expected = middle[:, 1:3] * middle[:, :1]
    covariance: Floats = np.vecdot(values[:, 1:3], values[:, :1]) / light.shape[1]
    together = (covariance + expected) / (expected + _TINY * _WHITE**2)
    named = np.stack([middle[:, 0], deviation[:, 0], middle[:, 1]], 1) / _WHITE
    others = (
        middle[:, 2:] / _WHITE,
        deviation[:, 1:] / _WHITE,
        together,
        shares[:, ::3].reshape(-1, 2 * _BINS, _LEVELS // _BINS).sum(2),
        shares[..., [0, -1]],
        np.count_nonzero(counts[:, 0], 1).astype(np.float32) / _LEVELS,
        _quantiles(counts),
    )
    return named, np.concatenate([each.reshape(len(levels), -1) for each in others], 1)


def _histograms(values: Floats) -> NDArray[np.int64]:
    """Pixels at each level, (B, N, pixels) -> (B, N, 256)."""
    rows = values.shape[0] * values.shape[1]
    places = np.rint(values).reshape(rows, -1)
    places += np.arange(0, rows * _LEVELS, _LEVELS, dtype=np.float32)[:, None]
    counts = np.bincount(places.ravel().astype(np.int64), minlength=rows * _LEVELS)
    return counts.reshape(*values.shape[:2], _LEVELS)


def _quantiles(counts: NDArray[np.int64]) -> Floats:
    """Levels at the `_QUANTILES`, 0 to 1: (B, N, 256) -> (B, N, 9)."""
    pixels = counts[0, 0].sum()
    ranks = np.ceil(_QUANTILES * pixels).astype(np.int64)
    # All histograms are one row of bins, in which the pixels of one come after those of the other.
    rows = np.arange(counts.shape[0] * counts.shape[1])[:, None]
    levels = np.searchsorted(counts.cumsum(), rows * pixels + ranks) - rows * _LEVELS
    found: Floats = levels.astype(np.float32).reshape(*counts.shape[:2], -1) / np.float32(_LEVELS)
    return found
