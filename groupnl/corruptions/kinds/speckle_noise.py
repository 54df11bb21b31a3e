"""Speckle noise: Gaussian, in proportion to the value it is added to."""

from collections.abc import Mapping

import torch
from torch import Generator, Tensor

from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.pixels import to_levels, to_unit
from groupnl.corruptions.tables import Table, parameters

SIGMA: Table[float] = {
    299: (0.16, 0.21, 0.36, 0.46, 0.61),
    224: (0.15, 0.2, 0.35, 0.45, 0.6),
    64: (0.15, 0.2, 0.25, 0.3, 0.35),
    32: (0.06, 0.1, 0.12, 0.16, 0.2),
}


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    return {"noise": torch.randn(3, height, width, generator=generator)}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    sigma = parameters(SIGMA, severity, *images.shape[-2:])
    unit = to_unit(images)
    return to_levels(unit.addcmul_(unit, draws["noise"], value=sigma))


SPECKLE_NOISE = Corruption("speckle_noise", _draw, _apply)
