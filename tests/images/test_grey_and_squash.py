"""Input that is not a centre crop in colour: grey, and both sides resized."""

import numpy as np
import pytest
import timm.data
import torch
from PIL import Image
from support.pictures import encode, scene

from groupnl.card import InputConfig
from groupnl.images import Limits, Preprocess, Reader, decode

COLOUR = {"mean": (0, 0, 0), "std": (1, 1, 1)}
GREY = {"mean": (0,), "std": (1,)}


def config(crop_mode: str = "center", channels: dict[str, tuple[int, ...]] = COLOUR) -> InputConfig:
    return InputConfig(size=48, crop_pct=0.875, interpolation="bicubic", crop_mode=crop_mode, **channels)


def theirs(crop_mode: str, mode: str, image: Image.Image) -> torch.Tensor:
    transform = timm.data.create_transform(
        (3, 48, 48), crop_pct=0.875, interpolation="bicubic", crop_mode=crop_mode, normalize=False
    )
    return transform(image.convert(mode))


@pytest.mark.parametrize("crop_mode", ["center", "squash"])
@pytest.mark.parametrize("size", [(90, 90), (200, 150), (60, 200), (54, 54), (300, 20)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_equals_timm(crop_mode: str, size: tuple[int, int], mode: str) -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    expected = theirs(crop_mode, mode, image).expand(3, -1, -1)
    given = config(crop_mode, COLOUR if mode == "RGB" else GREY)
    if crop_mode == "squash" or max(size) <= 8 * min(size):  # else the crop's place may differ by rounding
        assert torch.equal(Preprocess(given)(image), expected)
    read = Reader(given, Limits())(encode(image, "PNG"))
    assert read.shape == (3, 48, 48)
    assert (read.float() - expected.float()).abs().mean() < 1


def test_grey_pixels_are_three_times_the_same_and_channels_last() -> None:
    pixels = Reader(config(channels=GREY), Limits())(encode(Image.fromarray(scene()), "JPEG"))
    assert torch.equal(pixels[0], pixels[1])
    assert torch.equal(pixels[0], pixels[2])
    assert pixels.permute(1, 2, 0).is_contiguous()
    assert pixels.float().std() > 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_image_is_squashed_as_it_stands(orientation: int) -> None:
    image = Image.fromarray(scene()).resize((120, 60))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(image, "PNG", exif=exif)
    expected = Preprocess(config("squash"))(decode(data, Limits()))
    assert (Reader(config("squash"), Limits())(data).float() - expected.float()).abs().mean() < 1
