"""Gaussian noise: added to every value by itself."""

from collections.abc import Mapping

import torch
from torch import Generator, Tensor

from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.pixels import to_levels, to_unit
from groupnl.corruptions.tables import Table, parameters

SIGMA: Table[float] = {
    299: (0.09, 0.13, 0.19, 0.27, 0.4),
    224: (0.08, 0.12, 0.18, 0.26, 0.38),
    64: (0.04, 0.08, 0.12, 0.15, 0.18),
    32: (0.04, 0.06, 0.08, 0.09, 0.1),
}


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    return {"noise": torch.randn(3, height, width, generator=generator)}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    sigma = parameters(SIGMA, severity, *images.shape[-2:])
    return to_levels(to_unit(images).add_(draws["noise"], alpha=sigma))


GAUSSIAN_NOISE = Corruption("gaussian_noise", _draw, _apply)
