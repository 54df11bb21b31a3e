"""Photographs for tests, from packages that tests need anyway; nothing is fetched."""

import functools

import numpy as np
import numpy.typing as npt
import skimage.data
from PIL import Image

Pixels = npt.NDArray[np.uint8]
NAMES = (
    "coffee",
    "chelsea",
    "astronaut",
    "rocket",
    "retina",
    "hubble_deep_field",
    "brick",
    "grass",
    "gravel",
    "camera",
)


@functools.cache
def photograph(name: str) -> Pixels:
    """RGB pixels, uint8 of shape (H, W, 3), 300 to 1411 pixels a side."""
    return np.asarray(Image.fromarray(getattr(skimage.data, name)()).convert("RGB"))


def resized(name: str, width: int, height: int) -> Image.Image:
    """A photograph at another size."""
    return Image.fromarray(photograph(name)).resize((width, height), Image.Resampling.BICUBIC)
