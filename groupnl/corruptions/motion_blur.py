"""Motion blur: along a random direction, mostly sideways."""

from collections.abc import Mapping

import torch
from torch import Generator, Tensor

from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.motion import motion_blur
from groupnl.corruptions.tables import Table, parameters

# Radius and sigma, pixels.
TABLE: Table[tuple[int, float]] = {
    299: ((12, 4), (17, 6), (17, 9), (17, 13), (22, 16)),
    224: ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    64: ((10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)),
    32: ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
}


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    return {"degrees": torch.rand((), generator=generator, dtype=torch.float64) * 90 - 45}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    radius, sigma = parameters(TABLE, severity, *images.shape[-2:])
    # In double precision: where an image is flat the sum is a whole number, and single precision would miss it.
    return motion_blur(images.double(), radius, sigma, draws["degrees"]).clamp_(0, 255).to(torch.uint8)


MOTION_BLUR = Corruption("motion_blur", _draw, _apply)
