"""Contrast: every channel drawn towards its mean."""

from collections.abc import Mapping

import torch
from torch import Tensor

from groupnl.corruptions.corruption import Corruption, no_draws
from groupnl.corruptions.pixels import LEVELS, look_up, to_levels
from groupnl.corruptions.tables import Table, parameters

_USUAL = (0.4, 0.3, 0.2, 0.1, 0.05)
FACTOR: Table[float] = {299: _USUAL, 224: _USUAL, 64: _USUAL, 32: (0.75, 0.5, 0.4, 0.3, 0.15)}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    factor = parameters(FACTOR, severity, *images.shape[-2:])
    # Given its mean, a channel's result depends on the level alone: a table of 256, in double precision.
    mean = images.sum(dim=(2, 3), dtype=torch.int64)[..., None].double() / (images[0, 0].numel() * 255)
    unit = torch.arange(LEVELS, device=images.device, dtype=torch.float64) / 255
    return look_up(to_levels((unit - mean) * factor + mean), images)


CONTRAST = Corruption("contrast", no_draws, _apply)
