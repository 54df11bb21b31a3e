"""The JPEG round trip: on the CPU by OpenCV's coder, on another device by the same arithmetic.

Both give the pixels that Pillow gives, so a replay on another device is the same.
"""

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from groupnl.corruptions import jpeg_arithmetic


def round_trip(images: Tensor, quality: int) -> Tensor:
    """Encode and decode each image.

    Args:
        images: uint8 of shape (B, 3, H, W).
        quality: 1 to 100; chroma at half the resolution.
    """
    if images.device.type != "cpu":
        return jpeg_arithmetic.round_trip(images, quality)
    result = torch.empty_like(images)
    for image, coded in zip(images.numpy(), result.numpy(), strict=True):
        _code(image, coded, quality)
    return result


def _code(image: npt.NDArray[np.uint8], into: npt.NDArray[np.uint8], quality: int) -> None:
    red, green, blue = image
    file = cv2.imencode(".jpg", cv2.merge((blue, green, red)), (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    decoded = cv2.imdecode(file, cv2.IMREAD_COLOR)
    assert decoded is not None  # noqa: S101 (for mypy)
    cv2.split(decoded, (into[2], into[1], into[0]))
