"""Statistics of how light and how colourful an image is: few pixels tell them, wherever they lie."""

import torch
from torch import Tensor

_SIDE = 32  # pixels that are looked at in a row, about; every n-th of a larger image
_LEVELS = 256
_BINS = 16
_LUMA = (0.299, 0.587, 0.114)
_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_GREY = 8.0  # levels between the channels of what is grey, at most
_VIVID = 128.0  # and of what is vivid, at least


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
    named = torch.stack([mean(light), _deviation(light), mean(spread)], 1) / (_LEVELS - 1)
    shares = _histogram(light)
    others = torch.stack(
        [
            *(mean(channel) / _LEVELS for channel in (red, green, blue)),
            *(_deviation(channel) / _LEVELS for channel in (red, green, blue)),
            *(channel.amax(1) / _LEVELS for channel in (light, most)),
            *(channel.amin(1) / _LEVELS for channel in (light, least)),
            *(mean((most - (_LEVELS - 2)).clamp_(0, 1)), mean((1 - least).clamp_(0, 1))),  # what is at an end
            *(mean((least - (_LEVELS - 2)).clamp_(0, 1)), mean((1 - most).clamp_(0, 1))),
            _deviation(spread) / _LEVELS,
            mean(spread.clamp(max=_GREY)) / _GREY,
            mean((spread - _VIVID).clamp_(min=0)) / _VIVID,
            mean(spread * light) / (mean(spread) * mean(light) + 1),
            mean(spread / (most + 1)),
            mean(red * blue) / (mean(red) * mean(blue) + 1),
        ],
        1,
    )
    return named, torch.cat(
        [others, shares.view(len(shares), _BINS, -1).sum(2), _quantiles(shares), _levels(shares)], 1
    )


def _deviation(values: Tensor) -> Tensor:
    centred = values - mean(values)[:, None]
    return mean(centred * centred).sqrt()


def _histogram(light: Tensor) -> Tensor:
    """Share of the pixels at each level of luma, (B, 256)."""
    places = light.round().long() + torch.arange(len(light))[:, None] * _LEVELS
    counts = torch.bincount(places.flatten(), minlength=len(light) * _LEVELS)
    return counts.view(len(light), _LEVELS).float() / light.shape[1]


def _quantiles(shares: Tensor) -> Tensor:
    """Levels at the `_QUANTILES` of the luma, 0 to 1."""
    below = shares.cumsum(1)
    return torch.stack([(below < quantile).float().mean(1) for quantile in _QUANTILES], 1)


def _levels(shares: Tensor) -> Tensor:
    """Share of the levels that occur, and how frequent the most frequent is, (B, 2)."""
    return torch.stack([(shares > 0).float().mean(1), shares.amax(1)], 1)
