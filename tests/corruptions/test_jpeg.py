"""The JPEG round trip in both forms, coder and arithmetic: the pixels that Pillow gives."""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
import torch
from PIL import Image
from torch import Tensor

from groupnl.corruptions import jpeg, jpeg_arithmetic, published
from groupnl.corruptions.kinds.jpeg_compression import JPEG_COMPRESSION, QUALITY

FORMS = pytest.mark.parametrize(
    "round_trip", [jpeg.round_trip, jpeg_arithmetic.round_trip], ids=["coder", "arithmetic"]
)
QUALITIES = sorted({published.QUALITY, 1, 100, *(quality for row in QUALITY.values() for quality in row)})
RoundTrip = Callable[[Tensor, int], Tensor]
Pixels = npt.NDArray[np.uint8]


def _pillow(pixels: Pixels, quality: int, *, optimize: bool = False) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, optimize=optimize)
    return np.asarray(Image.open(file))


def _images(rows: list[Pixels]) -> Tensor:
    return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).contiguous()


def _pictures(height: int, width: int) -> list[Pixels]:
    """Four photographs, noise, and noise of black and white in each channel, where every step overflows first."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    photographs = [getattr(skimage.data, name)() for name in ("astronaut", "coffee", "chelsea", "rocket")]
    return [*(each[30 : 30 + height, 90 : 90 + width] for each in photographs), noise, (noise // 128 * 255)]


@FORMS
@pytest.mark.parametrize("quality", QUALITIES)
def test_pillows_pixels(round_trip: RoundTrip, quality: int) -> None:
    pictures = _pictures(224, 224)
    found = round_trip(_images(pictures), quality).permute(0, 2, 3, 1).numpy()
    for pixels, result in zip(pictures, found, strict=True):
        expected = _pillow(pixels, quality)
        assert np.array_equal(result, expected)
        assert not np.array_equal(result, pixels)


@FORMS
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (40, 63), (65, 64), (121, 226), (96, 130)])
def test_sides_that_are_no_whole_blocks(round_trip: RoundTrip, size: tuple[int, int]) -> None:
    pictures = _pictures(*size)
    for quality in (7, 25, 85):
        found = round_trip(_images(pictures), quality).permute(0, 2, 3, 1).numpy()
        assert np.array_equal(found, np.stack([_pillow(pixels, quality) for pixels in pictures]))


def test_the_published_files() -> None:
    """They were saved with an optimised entropy code, which changes no pixel."""
    pictures = _pictures(224, 224)
    found = published.round_trip(_images(pictures)).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(found, np.stack([_pillow(pixels, 85, optimize=True) for pixels in pictures]))


def test_severities_are_qualities() -> None:
    pictures = _pictures(224, 224)[:2]
    for severity, quality in enumerate((25, 18, 15, 10, 7), start=1):
        found = JPEG_COMPRESSION.apply(_images(pictures), severity, {}).permute(0, 2, 3, 1).numpy()
        assert np.array_equal(found, np.stack([_pillow(pixels, quality) for pixels in pictures]))


def test_nothing_to_code() -> None:
    assert jpeg.round_trip(torch.empty(0, 3, 32, 32, dtype=torch.uint8), 50).shape == (0, 3, 32, 32)
