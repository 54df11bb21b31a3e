"""A model input to a file that people can look at."""

import io

from PIL import Image
from torch import Tensor


def to_png(pixels: Tensor) -> bytes:
    """The PNG of a model input.

    Args:
        pixels: uint8 of shape (3, H, W).
    """
    file = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(file, "PNG")
    return file.getvalue()
