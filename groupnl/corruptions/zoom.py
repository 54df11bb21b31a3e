"""The middle of an image, enlarged to the size of the whole."""

import math

from torch import Tensor
from torch.nn import functional as F


def zoomed(images: Tensor, factor: float) -> Tensor:
    """Enlarge bilinearly, corner pixel on corner pixel, and cut off what is too much.

    Args:
        images: floating point of shape (B, C, H, W).
        factor: 1 or more.
    """
    height, width = images.shape[-2:]
    inner = [math.ceil(size / factor) for size in (height, width)]
    middle = _middle(images, inner[0], inner[1])
    size = [round(side * factor) for side in inner]
    return _middle(F.interpolate(middle, size, mode="bilinear", align_corners=True), height, width)


def _middle(images: Tensor, height: int, width: int) -> Tensor:
    top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
    return images[..., top : top + height, left : left + width]
