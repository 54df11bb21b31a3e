"""Pixelate: scaled down and up again with Pillow's box filter, in its own integer arithmetic.

The filter averages whole pixels, rows after columns, and rounds to levels after each; scaling up repeats pixels.
"""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from groupnl.corruptions.corruption import Corruption, no_draws
from groupnl.corruptions.tables import Table, parameters

# Size that is kept.
SCALE: Table[float] = {
    299: (0.5, 0.4, 0.3, 0.25, 0.2),
    224: (0.6, 0.5, 0.4, 0.3, 0.25),
    64: (0.9, 0.8, 0.7, 0.6, 0.5),
    32: (0.95, 0.9, 0.85, 0.75, 0.65),
}
_BITS = 22  # Pillow's fixed point


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    height, width = images.shape[-2:]
    scale = parameters(SCALE, severity, height, width)
    small = _shrink(_shrink(images.float(), int(width * scale)).mT, int(height * scale)).mT
    rows, columns = (_repeat(small.shape[dim], size).to(images.device) for dim, size in ((-2, height), (-1, width)))
    return small.to(torch.uint8)[..., rows, :][..., columns]


def _shrink(images: Tensor, size: int) -> Tensor:
    """Average the last dimension down to `size`; levels as floats in, levels as floats out."""
    windows, weights = (tensor.to(images.device) for tensor in _windows(images.shape[-1], size))
    sums = (images @ windows).to(torch.int64)  # exact: whole numbers far below 2**24
    return sums.mul_(weights).add_(1 << (_BITS - 1)).bitwise_right_shift_(_BITS).float()


@cache
def _windows(length: int, size: int) -> tuple[Tensor, Tensor]:
    """Which pixels each result averages, float32 of shape (length, size), and the weight of each in fixed point."""
    scale = length / size
    middle = (torch.arange(size, dtype=torch.float64) + 0.5) * scale
    # A pixel is averaged when its middle lies in the window, of which the lower end is left out; no window is smaller
    # than a pixel.
    position = (torch.arange(length)[:, None] + 0.5 - middle) / max(scale, 1)
    inside = (position > -0.5) & (position <= 0.5)
    weights = (0.5 + 2**_BITS / inside.sum(dim=0).double()).long()
    return inside.float(), weights


@cache
def _repeat(length: int, size: int) -> Tensor:
    """Which pixel each result repeats."""
    windows, _ = _windows(length, size)
    return windows.argmax(dim=0)


PIXELATE = Corruption("pixelate", no_draws, _apply)
