"""Pixels in planes are the same pixels, whatever order they lay in; noise lies as a served batch does."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from groupnl.images.batch import as_batch
from groupnl.inference.planes import planes
from groupnl.inference.warm_up import noise

PIXELS = torch.arange(4 * 5 * 5 * 3).remainder(251).to(torch.uint8).view(4, 5, 5, 3).permute(0, 3, 1, 2)


@pytest.mark.parametrize(
    "arranged",
    [
        lambda pixels: pixels,
        lambda pixels: pixels.contiguous(),
        lambda pixels: pixels[1:3],
        lambda pixels: pixels[:1],
        lambda pixels: pixels[::2],
        lambda pixels: pixels[:, :, 1:4, :3],
        lambda pixels: pixels[:1].expand(3, -1, -1, -1),
        lambda pixels: pixels.transpose(2, 3),
    ],
)
def test_planes_are_the_same_pixels(arranged: Callable[[Tensor], Tensor]) -> None:
    pixels = arranged(PIXELS)
    result = planes(pixels)
    assert result.flags.c_contiguous
    assert torch.equal(torch.from_numpy(result), pixels)


def test_no_image_has_no_planes() -> None:
    assert planes(PIXELS[:0]).shape == (0, 3, 5, 5)


def test_noise_lies_in_memory_as_a_served_batch() -> None:
    served = as_batch([*PIXELS])
    assert noise(4, 5).shape == served.shape
    assert noise(4, 5).stride() == served.stride()
