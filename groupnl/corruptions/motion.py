"""Motion blur as ImageMagick does it: a one-sided row of taps at an angle, each at a whole pixel."""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def motion_blur(images: Tensor, radius: int, sigma: float, degrees: Tensor) -> Tensor:
    """Blur each image along its own direction; the border pixel is repeated.

    Args:
        images: floating point of shape (B, C, H, W).
        radius: 2 * radius + 1 taps are taken.
        sigma: of the half Gaussian that weights them, pixels.
        degrees: direction for each image, of shape (B,); 0 is to the right, 90 down.
    """
    angles = degrees.deg2rad().tolist()
    return torch.stack([_blur(image, radius, sigma, angle) for image, angle in zip(images, angles, strict=True)])


def _blur(image: Tensor, radius: int, sigma: float, angle: float) -> Tensor:
    height, width = image.shape[-2:]
    taps = _taps(radius, sigma, angle)
    reach = max(max(abs(right), abs(down)) for right, down, _ in taps)
    padded = F.pad(image[None], (reach, reach, reach, reach), mode="replicate")[0] if reach else image
    result = torch.zeros_like(image)
    for right, down, weight in taps:
        top, left = reach + down, reach + right
        result.add_(padded[..., top : top + height, left : left + width], alpha=weight)
    return result


def _taps(radius: int, sigma: float, angle: float) -> list[tuple[int, int, float]]:
    """Offset (right, down) and weight of each tap."""
    weights = weights_along(radius, sigma)
    # To the last bit as in the reference: at some angles a tap lies half-way between two pixels.
    across, along = len(weights) * math.sin(angle), len(weights) * math.cos(angle)
    length = math.hypot(across, along)
    return [
        (math.ceil(step * along / length - 0.5), math.ceil(step * across / length - 0.5), weight)
        for step, weight in enumerate(weights)
    ]


@cache
def weights_along(radius: int, sigma: float) -> list[float]:
    """The weights of the taps, of which the first is the pixel itself."""
    steps = np.arange(2 * radius + 1)
    # Scaled to area one before it is scaled to sum one, and summed by NumPy, as in the reference: last bits matter
    # where an image is flat, because the result is truncated.
    weights = np.exp(-(steps**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    found: list[float] = (weights / weights.sum()).tolist()
    return found
