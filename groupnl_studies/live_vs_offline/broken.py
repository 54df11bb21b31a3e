"""Traffic that is broken, as pipelines break it: no corruption of ImageNet-C, and no estimate holds on it."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

_EXPOSURE = 0.15  # of the light
_GREY = 128

# Name -> what becomes of uint8 pixels of shape (B, 3, S, S).
BROKEN: Mapping[str, Callable[[Tensor], Tensor]] = {
    "under-exposed": lambda pixels: (pixels.float() * _EXPOSURE).to(torch.uint8),
    "channels swapped": lambda pixels: pixels.flip(1),
    "turned by 90 degrees": lambda pixels: pixels.rot90(1, (2, 3)),
    "blank": lambda pixels: torch.full_like(pixels, _GREY),
    "negative": lambda pixels: 255 - pixels,
    "middle half": lambda pixels: _middle(pixels),
}


def _middle(pixels: Tensor) -> Tensor:
    """The middle half, enlarged to the same side."""
    side = pixels.shape[-1]
    part = pixels[..., side // 4 : side - side // 4, side // 4 : side - side // 4]
    large = torch.nn.functional.interpolate(part.float(), size=(side, side), mode="bilinear", antialias=True)
    return large.round().clamp(0, 255).to(torch.uint8)
