"""Contrast: every channel drawn towards its mean."""

from collections.abc import Mapping

import torch
from torch import Tensor

from groupnl.corruptions.corruption import Corruption, no_draws
from groupnl.corruptions.pixels import to_levels, to_unit
from groupnl.corruptions.tables import Table, parameters

_USUAL = (0.4, 0.3, 0.2, 0.1, 0.05)
FACTOR: Table[float] = {299: _USUAL, 224: _USUAL, 64: _USUAL, 32: (0.75, 0.5, 0.4, 0.3, 0.15)}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    unit = to_unit(images, torch.float64)
    mean = unit.mean(dim=(2, 3), keepdim=True)
    return to_levels((unit - mean) * parameters(FACTOR, severity, *images.shape[-2:]) + mean)


CONTRAST = Corruption("contrast", no_draws, _apply)
