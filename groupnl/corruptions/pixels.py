"""Levels 0 to 255 to numbers in [0, 1] and back, as the official code goes."""

import torch
from torch import Tensor

LEVELS = 256


def to_unit(images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 levels as numbers in [0, 1]."""
    return images.to(dtype).div_(255)


def to_levels(images: Tensor) -> Tensor:
    """Numbers, clipped to [0, 1], as uint8 levels: truncated, not rounded. Changes `images`."""
    return images.clamp_(0, 1).mul_(255).to(torch.uint8)


def truncated(levels: Tensor, flat: Tensor, rounding: float) -> Tensor:
    """Truncate to levels, and give whole numbers the level that the published code gives them.

    Where an image is flat, a mean of its pixels is their level but for rounding, and rounding decides whether
    truncation takes one off. There the published code's own rounding counts.

    Args:
        levels: floating point, 0 to 255. Changed.
        flat: what becomes of each level where the image is flat; uint8 of shape (256,).
        rounding: what lies so near to a whole number is one; levels.
    """
    raised = levels.clamp_(0, 255).add_(rounding)
    result = raised.to(torch.uint8)
    is_whole = raised.sub_(result) < 2 * rounding
    result[is_whole] = flat.to(result.device)[result[is_whole].int()]
    return result


def look_up(tables: Tensor, images: Tensor) -> Tensor:
    """Replace each level by its entry in its channel's table.

    Args:
        tables: uint8 of shape (B, C, 256).
        images: uint8 of shape (B, C, H, W).
    """
    first = torch.arange(tables[..., 0].numel(), device=images.device, dtype=torch.int32).view(*images.shape[:2], 1, 1)
    return tables.flatten()[first * LEVELS + images]
