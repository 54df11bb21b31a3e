"""Brightness: a step added to the value of hue, saturation and value.

Hue and saturation stay, so the three channels grow by one factor, and the result of a level depends on it and on the
largest of its pixel's three: a table of 256 x 256, in double precision.
"""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from groupnl.corruptions.corruption import Corruption, no_draws
from groupnl.corruptions.pixels import LEVELS, to_levels
from groupnl.corruptions.tables import Table, parameters

_USUAL = (0.1, 0.2, 0.3, 0.4, 0.5)
STEP: Table[float] = {299: _USUAL, 224: _USUAL, 64: _USUAL, 32: (0.05, 0.1, 0.15, 0.2, 0.3)}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    table = _table(parameters(STEP, severity, *images.shape[-2:])).to(images.device)
    value = images.amax(dim=1, keepdim=True).to(torch.int32)
    return table[value * LEVELS + images]


@cache
def _table(step: float) -> Tensor:
    """The resulting level, uint8, at place value * 256 + level."""
    value, level = torch.meshgrid(*[torch.arange(LEVELS, dtype=torch.float64) / 255] * 2, indexing="ij")
    brighter = (value + step).clamp_(max=1)
    # As the colour model computes it: value * (1 - saturation * fraction).
    saturated = torch.where(value > 0, (value - level) / value, 0)
    return to_levels(brighter * (1 - saturated)).flatten()


BRIGHTNESS = Corruption("brightness", no_draws, _apply)
