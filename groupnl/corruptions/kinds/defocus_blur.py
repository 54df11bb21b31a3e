"""Defocus blur: a disk, its edge softened, as the lens of a camera makes it."""

import math
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from groupnl.corruptions.corruption import Corruption, no_draws
from groupnl.corruptions.tables import Table, parameters


class Disk(NamedTuple):
    """Radius, and sigma of the softening, pixels."""

    radius: float
    softening: float


TABLE: Table[Disk] = {
    299: (Disk(4, 0.1), Disk(5, 0.5), Disk(7, 0.5), Disk(10, 0.5), Disk(12, 0.5)),
    224: (Disk(3, 0.1), Disk(4, 0.5), Disk(6, 0.5), Disk(8, 0.5), Disk(10, 0.5)),
    64: (Disk(0.5, 0.6), Disk(1, 0.1), Disk(1.5, 0.1), Disk(2.5, 0.01), Disk(3, 0.1)),
    32: (Disk(0.3, 0.4), Disk(0.4, 0.5), Disk(0.5, 0.6), Disk(1, 0.2), Disk(1.5, 0.1)),
}
_LARGE = 8  # up to this radius the kernel has one size
_STEP = 64  # pixels; transforms of multiples are fast


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    height, width = images.shape[-2:]
    disk = parameters(TABLE, severity, height, width)
    edge = _reach(disk)
    # In double precision: a disk without softening is a mean, which is often a whole number, and then the published
    # kernel's single precision alone decides whether truncation takes a level off.
    padded = F.pad(images.double(), (edge, edge, edge, edge), mode="reflect")
    # A product of transforms is a convolution; the disk is symmetric, so it is the correlation too.
    size = [math.ceil(side / _STEP) * _STEP for side in padded.shape[-2:]]
    product = torch.fft.rfft2(padded, size) * _transform(disk, *size).to(images.device)
    blurred = torch.fft.irfft2(product, size)[..., 2 * edge : 2 * edge + height, 2 * edge : 2 * edge + width]
    return torch.clamp(blurred, 0, 255).to(torch.uint8)


@cache
def _transform(disk: Disk, height: int, width: int) -> Tensor:
    transform: Tensor = torch.fft.rfft2(_kernel(disk).double(), [height, width])
    return transform


def _reach(disk: Disk) -> int:
    """How far the kernel goes from its middle, pixels."""
    return _LARGE if disk.radius <= _LARGE else int(disk.radius)


def _kernel(disk: Disk) -> Tensor:
    """float32 of odd sides, summing to about 1."""
    steps = np.arange(-_reach(disk), _reach(disk) + 1)
    inside = (steps[:, None] ** 2 + steps**2 <= disk.radius**2).astype(np.float32)
    softening = 3 if disk.radius <= _LARGE else 5
    softened = cv2.GaussianBlur(inside / inside.sum(), (softening, softening), disk.softening)
    return torch.from_numpy(softened)


DEFOCUS_BLUR = Corruption("defocus_blur", no_draws, _apply)
