"""An RGB image to model input: the second half of a request's way, just before the batch.

The same pixels as timm's evaluation transform (resize of the shorter side, centre crop), so that a model is
served what it was validated on. Normalising is left to the engine, on the device.
"""

import math

import numpy as np
import torch
from PIL import Image

from groupnl.card import InputConfig

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# Of an image longer than this many times its width only the middle is resized: the rest is cropped away
# anyway, and resizing all of a 1 x 50,000,000 image to 256 pixels' width would need terabytes.
_MAX_ASPECT = 8


class Preprocess:
    """Resize and centre-crop.

    Bit-equal to ``timm.data.create_transform(is_training=False)`` before its normalisation for images up to
    eight times as long as wide (tested); for longer ones the crop's place can differ by rounding.

    Args:
        config: size, crop share and filter.
    """

    def __init__(self, config: InputConfig) -> None:
        self._size = config.size
        self._short_side = math.floor(config.size / config.crop_pct)
        self._filter = _FILTERS[config.interpolation]

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """Make the model input of one image.

        Args:
            image: mode RGB, any size.

        Returns:
            uint8 tensor of shape (3, size, size), values 0 to 255.
        """
        trimmed = _trim(image)
        width, height = trimmed.size
        scaled = tuple(int(self._short_side * side / min(width, height)) for side in (width, height))
        resized = trimmed if scaled == trimmed.size else trimmed.resize((scaled[0], scaled[1]), self._filter)
        left, top = (round((side - self._size) / 2) for side in scaled)
        crop = resized.crop((left, top, left + self._size, top + self._size))
        return torch.from_numpy(np.array(crop)).permute(2, 0, 1).contiguous()


def _trim(image: Image.Image) -> Image.Image:
    """Cut the ends off a very long image; the middle stays in the middle."""
    short, long = sorted(image.size)
    excess = (long - _MAX_ASPECT * short) // 2
    if excess <= 0:
        return image
    width, height = image.size
    box = (0, excess, width, height - excess) if height > width else (excess, 0, width - excess, height)
    return image.crop(box)
