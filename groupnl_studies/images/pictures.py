"""Pictures for `groupnl bench images` without a data set: generated, the same at every run, as heavy as photographs."""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from groupnl.images.placement import Pixels, Size

_OCTAVES = 8
_GRAIN = 3.0  # standard deviation of the noise, levels
# Name -> size, Pillow's format and options.
_KINDS: dict[str, tuple[Size, str, dict[str, object]]] = {
    "icon": ((64, 64), "JPEG", {"quality": 90}),
    "icon, PNG": ((64, 64), "PNG", {}),
    "photograph, as in ImageNet": ((500, 375), "JPEG", {"quality": 90}),
    "web": ((640, 480), "JPEG", {"quality": 85}),
    "web, progressive": ((640, 480), "JPEG", {"quality": 85, "progressive": True}),
    "web, WebP": ((640, 480), "WEBP", {"quality": 85}),
    "web, PNG": ((640, 480), "PNG", {}),
    "screen": ((1920, 1080), "JPEG", {"quality": 85}),
    "phone, 12 megapixels": ((4000, 3000), "JPEG", {"quality": 85}),
    "camera, 50 megapixels": ((8160, 6120), "JPEG", {"quality": 85}),
}


def generated() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the encoded image of each kind."""
    for name, (size, form, options) in _KINDS.items():
        buffer = io.BytesIO()
        Image.fromarray(photograph(size)).save(buffer, form, **options)
        yield name, buffer.getvalue()


def photograph(size: Size, seed: int = 0) -> Pixels:
    """Blotches of many sizes and grain, as photographs have.

    Args:
        size: width and height.
        seed: the same seed gives the same picture.

    Returns:
        uint8 of shape (height, width, 3).
    """
    rng = np.random.default_rng(seed)
    width, height = size
    total = np.full((height, width, 3), 120, np.float32)
    for octave in range(1, _OCTAVES + 1):
        coarse = rng.normal(0, 45 / octave, (3, 2**octave, 2**octave)).astype(np.float32)
        for channel, levels in enumerate(coarse):
            total[..., channel] += np.asarray(Image.fromarray(levels).resize(size, Image.Resampling.BICUBIC))
    total += rng.standard_normal((height, width, 1), np.float32) * _GRAIN
    return total.clip(0, 255).astype(np.uint8)
