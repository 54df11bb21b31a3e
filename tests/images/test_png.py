"""PNGs of every colour type, depth and transparency, by every way of reading, beside pixels computed from samples."""

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from support.pictures import Pixels, chunk
from support.png_table import COLOUR, COLOUR_SPACE, GREY, KINDS, PALETTE, Kind, over_white, picture, write

from groupnl.card import InputConfig
from groupnl.images import Limits, Preprocess, Reader, decode
from groupnl.training.images import as_served


def by_reference(data: bytes) -> Pixels:
    return np.asarray(decode(data, Limits()))


def by_reader(data: bytes) -> Pixels:
    config = InputConfig(size=224, mean=(0, 0, 0), std=(1, 1, 1), crop_pct=1.0, interpolation="bilinear")
    picture = Reader(config, Limits()).decode(data)
    assert picture.scale == 1
    return picture.pixels


def by_training(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return np.asarray(as_served(image))


WAYS = [by_reference, by_reader, by_training]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_pixels_are_those_of_the_samples(kind: Kind, way: Callable[[bytes], Pixels]) -> None:
    given = picture(kind)
    assert way(given.data).tolist() == given.pixels.tolist()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_colour_spaces_are_not_applied(kind: Kind, way: Callable[[bytes], Pixels]) -> None:
    assert way(picture(kind, COLOUR_SPACE).data).tolist() == picture(kind).pixels.tolist()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_bits_above_the_depth_mean_nothing_in_a_transparent_grey(depth: int, way: Callable[[bytes], Pixels]) -> None:
    samples = np.arange(2**depth, dtype=np.uint16).reshape(1, -1, 1)
    key = 2**depth - 2
    data = write(Kind(GREY, depth, True, False), samples, chunk(b"tRNS", struct.pack(">H", key | 1 << depth)))
    levels = samples * (255 // (2**depth - 1))
    assert way(data).tolist() == over_white(levels, np.where(samples[..., 0] == key, 0, 255)).tolist()


@pytest.mark.parametrize("way", WAYS)
def test_an_alpha_value_that_ends_a_line_is_none_the_less_one(way: Callable[[bytes], Pixels]) -> None:
    samples = np.array([[[0], [1], [2], [3]]], np.uint16)
    alphas = b"\xff\0\n"
    data = write(Kind(PALETTE, 2, True, False), samples, chunk(b"PLTE", bytes(12)) + chunk(b"tRNS", alphas))
    assert way(data)[0, :, 0].tolist() == [0, 255, 245, 0]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.transparent], ids=lambda kind: kind.name)
def test_the_model_gets_the_same_pixels_either_way(kind: Kind) -> None:
    config = InputConfig(size=8, mean=(0, 0, 0), std=(1, 1, 1), crop_pct=1.0, interpolation="bilinear")
    data = picture(kind).data
    wanted = Preprocess(config)(decode(data, Limits())).int()
    assert (Reader(config, Limits())(data).int() - wanted).abs().max() <= 1


def test_a_large_image_of_16_bits_is_transparent_at_a_part_of_its_size_too() -> None:
    samples = np.full((160, 160, 3), 0x1234, np.uint16)
    samples[:80] = 0x1235
    data = write(Kind(COLOUR, 16, True, False), samples, chunk(b"tRNS", struct.pack(">HHH", *[0x1235] * 3)))
    config = InputConfig(size=16, mean=(0, 0, 0), std=(1, 1, 1), crop_pct=1.0, interpolation="bilinear")
    found = Reader(config, Limits()).decode(data)
    assert found.scale == 2
    assert found.pixels[:40].min() == 255
    assert found.pixels[40:].max() == 0x12
