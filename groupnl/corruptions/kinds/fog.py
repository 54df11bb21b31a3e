"""Fog: a fractal cloud, made by halving squares, over a darkened image."""

from collections.abc import Mapping

import torch
from torch import Generator, Tensor

from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.tables import Table, official_size, parameters

# Strength, and how fast details lose height.
TABLE: Table[tuple[float, float]] = {
    299: ((1.5, 2), (2, 2), (2.5, 1.8), (2.5, 1.6), (3, 1.5)),
    224: ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    64: ((0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)),
    32: ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
}
# Side of the cloud, of which a corner is used; a larger image gets the next power of two.
SIDE = {299: 512, 224: 256, 64: 64, 32: 32}
_FIRST_HEIGHT = 100.0


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    side = SIDE[official_size(height, width)]
    while side < max(height, width):
        side *= 2
    return {"uniform": torch.rand(side * side - 1, generator=generator) * 2 - 1}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    height, width = images.shape[-2:]
    strength, decay = parameters(TABLE, severity, height, width)
    cloud = clouds(draws["uniform"], decay)[:, None, :height, :width]
    brightest = images.amax(dim=(1, 2, 3), keepdim=True).double() / 255
    share = brightest / (brightest + strength)
    return images.double().mul_(share).add_(cloud * (share * (strength * 255))).clamp_(max=255).to(torch.uint8)


def clouds(uniform: Tensor, decay: float) -> Tensor:
    """Fractal clouds by the diamond-square scheme, its edges joined.

    Args:
        uniform: numbers in [-1, 1), of shape (B, side**2 - 1).
        decay: heights fall by its square from level to level.

    Returns:
        float64 of shape (B, side, side), from 0 to 1 each.
    """
    side = round((uniform.shape[1] + 1) ** 0.5)
    uniform = uniform.double()
    cloud = uniform.new_zeros(len(uniform), side, side)
    step, height, used = side, _FIRST_HEIGHT, 0

    def random(count: int) -> Tensor:
        nonlocal used
        used += count * count
        return uniform[:, used - count * count : used].view(-1, count, count) * height**2

    while step >= 2:
        half, count = step // 2, side // step
        corners = cloud[:, ::step, ::step]
        pairs = corners + corners.roll(-1, 1)
        middles = (pairs + pairs.roll(-1, 2)) / 4 + random(count)
        cloud[:, half::step, half::step] = middles
        beside, below = (middles + middles.roll(1, dim) + corners + corners.roll(-1, 3 - dim) for dim in (1, 2))
        cloud[:, ::step, half::step] = beside / 4 + random(count)
        cloud[:, half::step, ::step] = below / 4 + random(count)
        step, height = half, height / decay
    cloud -= cloud.amin(dim=(1, 2), keepdim=True)
    return cloud / cloud.amax(dim=(1, 2), keepdim=True)


FOG = Corruption("fog", _draw, _apply)
