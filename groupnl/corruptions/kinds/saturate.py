"""Saturate: the saturation of hue, saturation and value is scaled and shifted.

Hue and value stay, so each channel's distance from the value is scaled, and the colour model itself is not needed. A
grey pixel has no hue; as in scikit-image it counts as red.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from groupnl.corruptions.corruption import Corruption, no_draws
from groupnl.corruptions.pixels import to_levels, to_unit
from groupnl.corruptions.tables import Table, parameters

_USUAL = ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2))
# Factor and shift.
CHANGE: Table[tuple[float, float]] = {
    299: _USUAL,
    224: _USUAL,
    64: (*_USUAL[:4], (30.0, 0.2)),
    32: (*_USUAL[:2], (1.5, 0.0), (2.0, 0.1), (2.5, 0.2)),
}


# How far each channel of red is from the value, in parts of the farthest.
_RED = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64).view(1, 3, 1, 1)


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    factor, shift = parameters(CHANGE, severity, *images.shape[-2:])
    unit = to_unit(images, torch.float64)
    value = unit.amax(dim=1, keepdim=True)
    distance = value - unit
    largest = distance.amax(dim=1, keepdim=True)
    grey = largest == 0
    saturation = torch.where(value > 0, largest / value, 0).mul_(factor).add_(shift).clamp_(max=1)
    fraction = torch.where(grey, _RED.to(images.device), distance / largest)
    return to_levels(value * (1 - saturation * fraction))


SATURATE = Corruption("saturate", no_draws, _apply)
