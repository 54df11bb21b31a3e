"""Random crops and flips of whole batches, and the scale of a network's input."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from groupnl_studies.grid.recipe import Recipe

_MEAN, _DEVIATION = 0.5, 0.25


def normalise(pixels: Tensor) -> Tensor:
    """uint8 (B, 3, S, S) -> float32 of the same shape, from -2 to 2, channels last."""
    levels = pixels.contiguous(memory_format=torch.channels_last).float()
    return levels.div_(255 * _DEVIATION).sub_(_MEAN / _DEVIATION)


def levels(scaled: Tensor) -> Tensor:
    """What `normalise` was given, to the nearest level: float32 (B, 3, S, S) -> uint8."""
    return scaled.add(_MEAN / _DEVIATION).mul_(255 * _DEVIATION).round_().to(torch.uint8)


def augment(pixels: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
    """Each image's own square crop, enlarged to the whole size again, and perhaps flipped.

    Args:
        pixels: uint8 (B, 3, S, S).
        recipe: how small a crop may be, and how often images are flipped.
        generator: of the random numbers.

    Returns:
        As `normalise`.
    """
    count = len(pixels)
    area = torch.empty(count).uniform_(recipe.least_area, 1, generator=generator)
    side = area.sqrt()
    flipped = torch.rand(count, generator=generator) < recipe.flip
    places = torch.rand(count, 2, generator=generator) * 2 - 1
    maps = torch.zeros(count, 2, 3)
    maps[:, 0, 0] = torch.where(flipped, -side, side)
    maps[:, 1, 1] = side
    maps[:, :, 2] = places * (1 - side)[:, None]  # the crop's middle; both edges stay inside
    grid = F.affine_grid(maps, list(pixels.shape), align_corners=False)
    return F.grid_sample(normalise(pixels), grid, padding_mode="border", align_corners=False)
