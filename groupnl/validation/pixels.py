"""Encoded images to pixels, as published figures are made: all of the image, by Pillow."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from groupnl.card import InputConfig
from groupnl.errors import ConfigError
from groupnl.images import Limits, Preprocess, decode

Prepare = Callable[[bytes], Tensor]


class Resized:
    """Resize of the shorter side and centre crop, as timm evaluates.

    Args:
        config: of the network's input.
    """

    def __init__(self, config: InputConfig) -> None:
        self._preprocess = Preprocess(config)

    def __call__(self, data: bytes) -> Tensor:
        """Pixels of an encoded image: uint8 (3, size, size).

        Raises:
            InputError: it cannot be decoded.
        """
        return self._preprocess(decode(data, Limits()))


class Cropped:
    """Centre crop without a resize, as ImageNet-C's files are read.

    Args:
        size: of the crop, pixels.
    """

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, data: bytes) -> Tensor:
        """Pixels of an encoded image: uint8 (3, size, size).

        Raises:
            InputError: it cannot be decoded.
            ConfigError: it is smaller than the crop.
        """
        image = decode(data, Limits())
        if min(image.size) < self._size:
            raise ConfigError(
                f"it has {image.width} x {image.height} pixels; the crop takes {self._size}, see --input-size"
            )
        left, top = (round((side - self._size) / 2) for side in image.size)
        crop = image.crop((left, top, left + self._size, top + self._size))
        return torch.from_numpy(np.array(crop)).permute(2, 0, 1).contiguous()
