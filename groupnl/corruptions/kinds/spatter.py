"""Spatter: drops of water, or mud, on the lens. The mask does not look at the image: it is drawn, on the CPU."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor

from groupnl.corruptions.blur import gaussian
from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.pixels import to_levels, to_unit
from groupnl.corruptions.tables import Table, parameters


class Spatter(NamedTuple):
    """Mean and standard deviation of the noise, its blur, the threshold, the drops' strength or the mud's blur."""

    mean: float
    deviation: float
    sigma: float
    threshold: float
    strength: float
    kind: Literal["water", "mud"]


_LARGE = (
    Spatter(0.65, 0.3, 4, 0.69, 0.6, "water"),
    Spatter(0.65, 0.3, 3, 0.68, 0.6, "water"),
    Spatter(0.65, 0.3, 2, 0.68, 0.5, "water"),
    Spatter(0.65, 0.3, 1, 0.65, 1.5, "mud"),
    Spatter(0.67, 0.4, 1, 0.65, 1.5, "mud"),
)
_SMALL = (
    Spatter(0.62, 0.1, 0.7, 0.7, 0.6, "water"),
    Spatter(0.65, 0.1, 0.8, 0.7, 0.6, "water"),
    Spatter(0.65, 0.3, 1, 0.69, 0.6, "water"),
    Spatter(0.65, 0.1, 0.7, 0.68, 0.6, "mud"),
    Spatter(0.65, 0.1, 0.5, 0.67, 0.6, "mud"),
)
_TINY = (
    *(spatter._replace(strength=0.5) for spatter in _SMALL[:3]),
    _SMALL[3]._replace(threshold=0.69),
    _SMALL[4]._replace(threshold=0.68),
)
_INCEPTION = tuple(
    spatter._replace(sigma=sigma, strength=strength)
    for spatter, sigma, strength in zip(_LARGE, (4, 3.5, 3, 1.2, 1.2), (0.9, 0.9, 0.8, 1.8, 1.8), strict=True)
)
TABLE: Table[Spatter] = {299: _INCEPTION, 224: _LARGE, 64: _SMALL, 32: _TINY}
_COLOUR = {"water": (175, 238, 238), "mud": (63, 42, 20)}
_EMBOSS = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
_FARTHEST = 20  # pixels from an edge
_MUD_EDGE = 0.8


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    spatter = parameters(TABLE, severity, height, width)
    noise = torch.randn(height, width, generator=generator).double()
    liquid = gaussian(noise.mul_(spatter.deviation).add_(spatter.mean), spatter.sigma)
    liquid[liquid < spatter.threshold] = 0
    mask = _drops(liquid.numpy(), spatter.strength) if spatter.kind == "water" else _mud(liquid, spatter)
    return {"mask": mask[None]}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    kind = parameters(TABLE, severity, *images.shape[-2:]).kind
    colour = torch.tensor(_COLOUR[kind], device=images.device).view(1, 3, 1, 1) / 255
    unit, mask = to_unit(images), draws["mask"]
    if kind == "mud":
        unit *= 1 - mask
    return to_levels(unit + mask * colour)


def _drops(liquid: npt.NDArray[np.float64], strength: float) -> Tensor:
    """How much light each drop throws; float32 of shape (H, W)."""
    levels = (liquid * 255).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(levels, 50, 150), cv2.DIST_L2, 5)
    near = cv2.blur(np.minimum(distance, np.float32(_FARTHEST)), (3, 3)).astype(np.uint8)
    embossed = cv2.filter2D(cv2.equalizeHist(near), cv2.CV_8U, _EMBOSS)
    light = levels * cv2.blur(embossed, (3, 3)).astype(np.float32)
    brightest = light.max()
    # Noise that nowhere reaches the threshold makes no drops.
    return torch.from_numpy(light / brightest * np.float32(strength) if brightest else light)


def _mud(liquid: Tensor, spatter: Spatter) -> Tensor:
    """How much of the image the mud covers; float32 of shape (H, W)."""
    mask = gaussian((liquid > spatter.threshold).float(), spatter.strength)
    return torch.where(mask < _MUD_EDGE, 0, mask)


SPATTER = Corruption("spatter", _draw, _apply)
