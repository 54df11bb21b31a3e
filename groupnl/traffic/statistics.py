"""An image as numbers: six that people know, and others by which the small model tells corruptions apart."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from groupnl.errors import ConfigError
from groupnl.traffic.colours import colours
from groupnl.traffic.texture import texture

STATISTICS = ("brightness", "contrast", "saturation", "sharpness", "noise", "blockiness")
MIN_SIDE = 32  # pixels


def pixel_statistics(pixels: Tensor) -> NDArray[np.float32]:
    """Statistics of each image; each depends on its image alone.

    Args:
        pixels: uint8 of shape (B, 3, S, S), S at least `MIN_SIDE`.

    Returns:
        float32 of shape (B, `COUNT`), finite; `STATISTICS` come first: brightness (mean luma), contrast (its standard
        deviation) and saturation (mean distance of the largest and smallest channel), each 0 to 1; sharpness
        (logarithm of the Laplacian's variance); noise (standard deviation, levels); blockiness (logarithm of how much
        larger differences are across the borders of JPEG's blocks, 0: as large).

    Raises:
        ConfigError: pixels of another type or shape.
    """
    if pixels.dtype != torch.uint8 or pixels.ndim != 4 or pixels.shape[1] != 3 or min(pixels.shape[2:]) < MIN_SIDE:
        raise ConfigError(
            f"pixels are {pixels.dtype} of shape {tuple(pixels.shape)}; statistics need torch.uint8 of shape "
            f"(B, 3, S, S) with S of {MIN_SIDE} or more"
        )
    levels = pixels.numpy()
    (light, more_light), (fine, more_fine) = colours(levels), texture(levels)
    return np.concatenate([light, fine, more_light, more_fine], 1)


COUNT = pixel_statistics(torch.zeros(1, 3, MIN_SIDE, MIN_SIDE, dtype=torch.uint8)).shape[1]
