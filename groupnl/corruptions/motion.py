"""Motion blur as ImageMagick does it: a one-sided row of taps at an angle, each at a whole pixel."""

import math

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
    reach = max(max(abs(right), abs(down)) for right, down in taps)
    padded = F.pad(image[None], (reach, reach, reach, reach), mode="replicate")[0] if reach else image
    result = torch.zeros_like(image)
    for (right, down), weight in taps.items():
        top, left = reach + down, reach + right
        result.add_(padded[..., top : top + height, left : left + width], alpha=weight)
    return result


def _taps(radius: int, sigma: float, angle: float) -> dict[tuple[int, int], float]:
    """Offset (right, down) of each tap -> its weight; taps that fall on one pixel are joined."""
    weights = [math.exp(-0.5 * (step / sigma) ** 2) for step in range(2 * radius + 1)]
    total = sum(weights)
    taps: dict[tuple[int, int], float] = {}
    for step, weight in enumerate(weights):
        offset = (math.ceil(step * math.cos(angle) - 0.5), math.ceil(step * math.sin(angle) - 0.5))
        taps[offset] = taps.get(offset, 0.0) + weight / total
    return taps
