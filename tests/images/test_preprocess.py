import time

import numpy as np
import pytest
import timm.data
import torch
from PIL import Image

from groupnl.card import InputConfig
from groupnl.images import Preprocess

SIZES = [(64, 64), (73, 71), (128, 128), (500, 375), (333, 512), (1023, 767), (30, 240), (240, 31), (1, 1)]


def config(size: int, crop_pct: float, interpolation: str) -> InputConfig:
    return InputConfig(size=size, mean=(0, 0, 0), std=(1, 1, 1), crop_pct=crop_pct, interpolation=interpolation)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("size", "crop_pct"), [(64, 1.0), (96, 0.875), (224, 0.875), (128, 0.95)])
def test_equals_timm(size: int, crop_pct: float, interpolation: str) -> None:
    theirs = timm.data.create_transform(
        (3, size, size),
        is_training=False,
        crop_pct=crop_pct,
        interpolation=interpolation,
        normalize=False,
    )
    ours = Preprocess(config(size, crop_pct, interpolation))
    rng = np.random.default_rng(0)
    for width, height in SIZES:
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        expected = theirs(image)
        assert expected.dtype == torch.uint8
        pixels = ours(image)
        assert pixels.is_contiguous()
        assert torch.equal(pixels, expected), (width, height)


@pytest.mark.parametrize("shape", [(20, 900), (901, 20), (400, 9), (7, 401)])
def test_long_images_are_cropped_where_timm_crops_them(shape: tuple[int, int]) -> None:
    height, width = shape
    y, x = np.mgrid[0:height, 0:width]
    smooth = 127 + 100 * np.sin((x + 2 * y) / 40)
    image = Image.fromarray(np.repeat(smooth[..., None], 3, axis=-1).astype(np.uint8))
    theirs = timm.data.create_transform((3, 96, 96), is_training=False, crop_pct=0.875, normalize=False)
    ours = Preprocess(config(96, 0.875, "bilinear"))
    assert (ours(image).int() - theirs(image).int()).abs().max() <= 1


@pytest.mark.parametrize("size", [(1, 5_000_000), (5_000_000, 1)])
def test_extreme_shapes_are_cheap(size: tuple[int, int]) -> None:
    started = time.process_time()  # however busy the machine is
    pixels = Preprocess(config(224, 0.875, "bicubic"))(Image.new("RGB", size, "red"))
    assert time.process_time() - started < 2
    assert pixels[:, 100, 100].tolist() == [255, 0, 0]
