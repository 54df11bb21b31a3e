"""Statistics of how light and how colourful an image is: few pixels tell them, wherever they lie."""

import torch
from torch import Tensor

_SIDE = 32  # pixels that are looked at in a row, about; every n-th of a larger image
_LEVELS = 256
_BINS = 16
_LUMA = (0.299, 0.587, 0.114)
_QUANTILES = torch.tensor([1e-6, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1 - 1e-4])
_TINY = 1e-4
_DARK = 16.0  # levels; colours of what is darker say little


def luma(levels: Tensor) -> Tensor:
    """Brightness as JPEG weighs it: (B, 3, ...) -> (B, ...), levels."""
    red, green, blue = levels.unbind(1)
    return torch.add(red * _LUMA[0], green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])


def mean(values: Tensor) -> Tensor:
    """Of each image, (B, ...) -> (B,); some times quicker than torch's over several dimensions."""
    flat = values.flatten(1)
    return flat.sum(1) / flat.shape[1]


def colours(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Statistics of light and colour.

    Args:
        pixels: uint8 of shape (B, 3, S, S).

    Returns:
        Mean and standard deviation of the luma and mean distance of the largest and smallest channel, each 0 to 1,
        (B, 3); and others, float32 (B, N).
    """
    step = max(1, pixels.shape[-1] // _SIDE)
    levels = pixels[..., ::step, ::step].flatten(2).float()
    red, green, blue = levels.unbind(1)
    light = luma(levels)
    most, least = torch.maximum(torch.maximum(red, green), blue), torch.minimum(torch.minimum(red, green), blue)
    spread = most - least
    # As HSV has it; what is dark is taken for grey.
    saturation = spread / most.clamp(min=_DARK) * (_LEVELS - 1)
    shares = _histograms(torch.stack([light, most, least, saturation], 1))
    values = torch.stack([light, spread, saturation, red, green, blue], 1) / (_LEVELS - 1)
    middle = values.mean(2)
    # Spread and saturation with light, and the squares.
    squares = (values * values).mean(2) - middle * middle
    together = (values[:, 1:3] * values[:, :1]).mean(2) / (middle[:, 1:3] * middle[:, :1] + _TINY)
    deviation = squares.clamp_(min=0).sqrt_()
    named = torch.stack([middle[:, 0], deviation[:, 0], middle[:, 1]], 1)
    bins = shares.view(len(levels), 4, _BINS, -1).sum(3)
    occur = (shares[:, 0] > 0).float().mean(1, keepdim=True)
    others = (
        middle[:, 2:],
        deviation[:, 1:],
        together,
        bins[:, [0, 3]],
        shares[..., [0, -1]],
        occur,
        _quantiles(shares),
    )
    return named, torch.cat([each.flatten(1) for each in others], 1)


def _histograms(values: Tensor) -> Tensor:
    """Share of the pixels at each level, (B, N, pixels) -> (B, N, 256)."""
    count = values.shape[0] * values.shape[1]
    places = values.round().long().flatten(0, 1) + torch.arange(count)[:, None] * _LEVELS
    counts = torch.bincount(places.flatten(), minlength=count * _LEVELS)
    return counts.view(*values.shape[:2], _LEVELS).float() / values.shape[2]


def _quantiles(shares: Tensor) -> Tensor:
    """Levels at the `_QUANTILES`, 0 to 1: (B, N, 9)."""
    below = shares.cumsum(2)
    places: Tensor = torch.searchsorted(below, _QUANTILES.repeat(*shares.shape[:2], 1)) / _LEVELS
    return places
