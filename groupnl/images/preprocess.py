"""An RGB image to model input, by Pillow: with `decode` the reference that `Reader` is measured against.

The same pixels as timm's evaluation transform (resize of the shorter side, centre crop), so that a model is
served what it was validated on. Normalising is left to the engine, on the device.
"""

import math

import numpy as np
import torch
from PIL import Image

from groupnl.card import InputConfig
from groupnl.images.placement import UPRIGHT, excess, place

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


class Preprocess:
    """Resize and centre-crop.

    Bit-equal to ``timm.data.create_transform(is_training=False)`` before its normalisation for images up to
    eight times as long as wide (tested); for longer ones the crop's place can differ by rounding.

    Args:
        config: size, crop share and mode, filter and number of channels.
    """

    def __init__(self, config: InputConfig) -> None:
        self._size = config.size
        self._short_side = math.floor(config.size / config.crop_pct)
        self._filter = _FILTERS[config.interpolation]
        self._squash = config.crop_mode == "squash"
        self._is_grey = config.channels == 1

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """Make the model input of one image.

        Args:
            image: mode RGB, any size.

        Returns:
            uint8 tensor of shape (3, size, size), values 0 to 255; of a grey input three times the same.
        """
        trimmed = image if self._squash else _trim(image)
        if self._is_grey:
            trimmed = trimmed.convert("L")
        scaled, left, top = place(trimmed.size, UPRIGHT, self._short_side, self._size, squash=self._squash)
        resized = trimmed if scaled == trimmed.size else trimmed.resize(scaled, self._filter)
        crop = resized.crop((left, top, left + self._size, top + self._size))
        return torch.from_numpy(np.array(crop.convert("RGB"))).permute(2, 0, 1).contiguous()


def _trim(image: Image.Image) -> Image.Image:
    """Cut the ends off a very long image; the middle stays in the middle."""
    ends = excess(image.size)
    if ends == 0:
        return image
    width, height = image.size
    box = (0, ends, width, height - ends) if height > width else (ends, 0, width - ends, height)
    return image.crop(box)
