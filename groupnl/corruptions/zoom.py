"""The middle of an image, enlarged to the size of the whole."""

import math
from functools import cache

import torch
from torch import Tensor


def zoomed(images: Tensor, factor: float) -> Tensor:
    """Enlarge bilinearly, corner pixel on corner pixel, and cut off what is too much.

    Args:
        images: floating point of shape (B, C, H, W).
        factor: 1 or more.
    """
    # Gathering whole rows is fast: so the columns are made rows, and back.
    down = _enlarged_rows(images, factor)
    return _enlarged_rows(down.mT.contiguous(), factor).mT.contiguous()


def _enlarged_rows(images: Tensor, factor: float) -> Tensor:
    before, share = (tensor.to(images.device) for tensor in _rows(images.shape[-2], factor))
    # Where an image is flat this form returns its value exactly; a sum of two products would not.
    return torch.lerp(images.index_select(-2, before), images.index_select(-2, before + 1), share.to(images.dtype))


@cache
def _rows(size: int, factor: float) -> tuple[Tensor, Tensor]:
    """The row before each result's place, int64 of shape (size,), and the share of the next, float64 of (size, 1)."""
    inner = math.ceil(size / factor)
    enlarged = round(inner * factor)
    first = (enlarged - size) // 2
    places = torch.arange(first, first + size, dtype=torch.float64) * ((inner - 1) / (enlarged - 1))
    before = places.long().clamp_(max=inner - 2)
    return before + (size - inner) // 2, (places - before)[:, None]
