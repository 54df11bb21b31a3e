"""Pixels as runtimes want them that know no channels-last memory: each colour in a plane of its own."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def planes(pixels: Tensor) -> NDArray[np.uint8]:
    """The same pixels, contiguous.

    A served batch has its colours side by side in memory. OpenCV parts them in a tenth of the time that torch takes,
    which for a small network is as much as a tenth of the network's own.

    Args:
        pixels: uint8 (B, 3, S, S) on the CPU, in any memory order.

    Returns:
        uint8 (B, 3, S, S); of the same memory where it is contiguous already.
    """
    if pixels.is_contiguous() or not pixels.is_contiguous(memory_format=torch.channels_last):
        return pixels.contiguous().numpy()
    result: NDArray[np.uint8] = np.empty(pixels.shape, np.uint8)
    for image, parted in zip(pixels.permute(0, 2, 3, 1).numpy(), result, strict=True):
        cv2.split(image, list(parted))
    return result
