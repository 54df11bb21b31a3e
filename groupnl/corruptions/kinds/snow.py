"""Snow: thresholded noise, enlarged, driven by the wind, on a picture that has lost colour."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.motion import motion_blur
from groupnl.corruptions.pixels import to_levels, to_unit
from groupnl.corruptions.tables import Table, parameters
from groupnl.corruptions.zoom import zoomed


class Snow(NamedTuple):
    """Mean and deviation of the noise, its enlargement, the threshold, the wind's blur, the picture's share."""

    mean: float
    deviation: float
    zoom: float
    threshold: float
    radius: int
    sigma: float
    share: float


_LARGE = (
    Snow(0.1, 0.3, 3, 0.5, 10, 4, 0.8),
    Snow(0.2, 0.3, 2, 0.5, 12, 4, 0.7),
    Snow(0.55, 0.3, 4, 0.9, 12, 8, 0.7),
    Snow(0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    Snow(0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)
_SMALL = (
    Snow(0.1, 0.2, 1, 0.6, 8, 3, 0.8),
    Snow(0.1, 0.2, 1, 0.5, 10, 4, 0.8),
    Snow(0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
    Snow(0.25, 0.3, 2.25, 0.6, 12, 6, 0.65),
    Snow(0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
)
TABLE: Table[Snow] = {
    299: _LARGE,
    224: _LARGE,
    64: _SMALL,
    32: tuple(snow._replace(share=share) for snow, share in zip(_SMALL, (0.95, 0.9, 0.9, 0.85, 0.8), strict=True)),
}
_GREY = (0.299, 0.587, 0.114)
# Before a truncation: what misses a whole number by rounding only is that number.
_ROUNDING = 1e-3


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    return {
        "noise": torch.randn(1, height, width, generator=generator),
        "degrees": torch.rand((), generator=generator, dtype=torch.float64) * 90 - 135,
    }


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    snow = parameters(TABLE, severity, *images.shape[-2:])
    layer = _layer(draws["noise"], draws["degrees"], snow)
    unit = to_unit(images)
    grey = (unit * torch.tensor(_GREY, device=images.device).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    pale = torch.maximum(unit, grey * 1.5 + 0.5)
    return to_levels(unit * snow.share + pale * (1 - snow.share) + layer + layer.rot90(2, (2, 3)))


def _layer(noise: Tensor, degrees: Tensor, snow: Snow) -> Tensor:
    """The falling snow, float32 of shape (B, 1, H, W), in [0, 1]."""
    flakes = zoomed(noise.double() * snow.deviation + snow.mean, snow.zoom)
    flakes = torch.where(flakes < snow.threshold, 0, flakes.clamp(0, 1)).mul_(255).add_(1e-9).floor_()
    driven = motion_blur(flakes.float(), snow.radius, snow.sigma, degrees)
    return driven.add_(_ROUNDING).floor_().div_(255)


SNOW = Corruption("snow", _draw, _apply)
