"""Gaussian blur as matrix products, the border folded into the matrix: faster on a CPU than a wide convolution."""

from functools import cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from groupnl.corruptions.pixels import LEVELS, to_levels, truncated

Border = Literal["replicate", "reflect"]
TRUNCATE = 4.0  # the kernel ends at so many sigma
_STRIP = 48  # results of one product; what lies beyond the kernel's reach of them is left out of it
_ROUNDING = 2e-12  # levels; above what double precision loses, below what the kernel's farthest corner can add


def blurred_levels(images: Tensor, sigma: float) -> Tensor:
    """Blur levels in double precision and truncate them to levels.

    Args:
        images: uint8 of shape (..., H, W).
        sigma: pixels.

    Returns:
        uint8 of the same shape.
    """
    return truncated(gaussian(images.double(), sigma), _flat(sigma), _ROUNDING)


def gaussian(images: Tensor, sigma: float, *, truncate: float = TRUNCATE, border: Border = "replicate") -> Tensor:
    """Blur the last two dimensions, as `scipy.ndimage.gaussian_filter` does.

    Args:
        images: floating point, of shape (..., H, W).
        sigma: pixels.
        truncate: the kernel ends at so many sigma.
        border: "replicate" repeats the last pixel (SciPy's "nearest"); "reflect" mirrors, the last pixel twice.
    """
    height, width = images.shape[-2:]
    rows, columns = (_matrix(size, sigma, truncate, border).to(images) for size in (height, width))
    reach = _reach(sigma, truncate)
    down = [rows[out, into] @ images[..., into, :] for out, into in _strips(height, reach)]
    images = torch.cat(down, dim=-2)
    return torch.cat([images[..., into] @ columns[out, into].mT for out, into in _strips(width, reach)], dim=-1)


def _reach(sigma: float, truncate: float) -> int:
    return int(truncate * sigma + 0.5)


@cache
def _strips(size: int, reach: int) -> list[tuple[slice, slice]]:
    """Slices of results, each with the slice of the pixels that they are made of."""
    ends = [(start, min(start + _STRIP, size)) for start in range(0, size, _STRIP)]
    return [(slice(start, end), slice(max(0, start - reach), min(size, end + reach))) for start, end in ends]


@cache
def _matrix(size: int, sigma: float, truncate: float, border: Border) -> Tensor:
    """Row i holds the weights of every pixel in result i; float64 of shape (size, size)."""
    weights = _weights(sigma, truncate)
    reach = len(weights) // 2
    sources = _inside(torch.arange(size)[:, None] + torch.arange(-reach, reach + 1), size, border)
    return torch.zeros(size, size, dtype=torch.float64).scatter_add_(1, sources, weights.expand(size, -1).contiguous())


def _weights(sigma: float, truncate: float) -> Tensor:
    """As SciPy computes them, to the last bit; float64 of odd length."""
    reach = _reach(sigma, truncate)
    weights = np.exp(-0.5 / sigma**2 * np.arange(-reach, reach + 1) ** 2)
    return torch.from_numpy(weights / weights.sum())


def _inside(places: Tensor, size: int, border: Border) -> Tensor:
    if border == "replicate":
        return places.clamp(0, size - 1)
    period = places.remainder(2 * size)
    return torch.where(period < size, period, 2 * size - 1 - period)


@cache
def _flat(sigma: float) -> Tensor:
    """What becomes of each level in a flat image, summed in SciPy's order: the middle, then pairs from outside in."""
    *outer, middle = _weights(sigma, TRUNCATE)[: _reach(sigma, TRUNCATE) + 1].tolist()
    unit = torch.arange(LEVELS, dtype=torch.float64) / 255
    for _ in ("rows", "columns"):
        total = unit * middle
        for weight in outer:
            total += (unit + unit) * weight
        unit = total
    return to_levels(unit)
