"""Motion blur: along a random direction, mostly sideways."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Generator, Tensor

from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.motion import motion_blur, weights_along
from groupnl.corruptions.pixels import LEVELS, truncated
from groupnl.corruptions.tables import Table, parameters

# Radius and sigma, pixels.
TABLE: Table[tuple[int, float]] = {
    299: ((12, 4), (17, 6), (17, 9), (17, 13), (22, 16)),
    224: ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    64: ((10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)),
    32: ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
}
_ROUNDING = 1e-11  # levels; above what double precision loses over all taps


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    return {"degrees": torch.rand((), generator=generator, dtype=torch.float64) * 90 - 45}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    radius, sigma = parameters(TABLE, severity, *images.shape[-2:])
    blurred = motion_blur(images.double(), radius, sigma, draws["degrees"])
    return truncated(blurred, _flat(radius, sigma), _ROUNDING)


@cache
def _flat(radius: int, sigma: float) -> Tensor:
    """What becomes of each level in a flat image, summed tap by tap."""
    level = torch.arange(LEVELS, dtype=torch.float64)
    total = torch.zeros_like(level)
    for weight in weights_along(radius, sigma):
        total += level * weight
    return total.clamp_(max=255).to(torch.uint8)


MOTION_BLUR = Corruption("motion_blur", _draw, _apply)
