"""groupnl.images.reader: the fast way from bytes to model input, beside the reference."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
import simplejpeg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.hostile import hostile_cases
from support.photographs import NAMES, photograph, resized
from support.pictures import Picture, encode, good_pictures, oriented, scene
from torch import Tensor

import groupnl.images.reader
from groupnl.card import InputConfig
from groupnl.errors import InputError
from groupnl.images import Limits, Preprocess, Reader, SideBySide, decode
from groupnl.images.placement import choose_scale
from groupnl.images.turbo import decode_turbo

LIMITS = Limits()
INTERPOLATIONS = ("bilinear", "bicubic")


def config(size: int = 224, crop_pct: float = 0.875, interpolation: str = "bilinear") -> InputConfig:
    return InputConfig(size=size, mean=(0, 0, 0), std=(1, 1, 1), crop_pct=crop_pct, interpolation=interpolation)


def reference(data: bytes, given_config: InputConfig) -> Tensor:
    return Preprocess(given_config)(decode(data, LIMITS))


def apart(data: bytes, given_config: InputConfig) -> Tensor:
    """Levels between the two ways, of each value."""
    return (Reader(given_config, LIMITS)(data).int() - reference(data, given_config).int()).abs()


def outcome(read: Callable[[bytes], object], data: bytes) -> tuple[str, str]:
    try:
        read(data)
    except InputError as error:
        return error.code, str(error)
    return "answered", ""


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("quality", [60, 90])
@pytest.mark.parametrize("name", NAMES)
def test_photographs_are_within_a_level_of_the_reference(name: str, quality: int, interpolation: str) -> None:
    data = encode(Image.fromarray(photograph(name)), "JPEG", quality=quality)
    for size in (16, 24, 32, 48, 64, 96, 128, 224):
        levels = apart(data, config(size, 0.875, interpolation))
        assert levels.float().mean() < 0.3, size


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP"])
def test_photographs_of_usual_size_differ_by_rounding_only(form: str, interpolation: str) -> None:
    for size in ((640, 480), (500, 375), (375, 500), (300, 224), (64, 64)):
        levels = apart(encode(resized("coffee", *size), form), config(interpolation=interpolation))
        assert levels.max() <= 2
        assert levels.float().mean() < 0.02


def test_an_image_of_the_resized_size_is_only_cropped() -> None:
    data = encode(Image.fromarray(photograph("astronaut")[:256, :300]), "PNG")
    assert apart(data, config()).max() == 0


@pytest.mark.parametrize("picture", good_pictures(), ids=lambda picture: picture.name)
@pytest.mark.parametrize("size", [8, 224])
def test_every_kind_of_image(picture: Picture, size: int) -> None:
    levels = apart(picture.data, config(size))
    assert levels.float().mean() < 0.5


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    mode=st.sampled_from(["RGB", "L", "CMYK"]),
    orientation=st.integers(1, 8),
    quality=st.integers(30, 100),
    subsampling=st.integers(0, 2),
    progressive=st.booleans(),
    size=st.sampled_from([16, 33, 64, 160]),
    crop_pct=st.sampled_from([0.5, 0.875, 0.95, 1.0]),
    interpolation=st.sampled_from(INTERPOLATIONS),
)
def test_any_jpeg_is_within_a_level_of_the_reference(
    name: str,
    width: int,
    height: int,
    mode: str,
    orientation: int,
    quality: int,
    subsampling: int,
    progressive: bool,
    size: int,
    crop_pct: float,
    interpolation: str,
) -> None:
    data = encode(
        resized(name, width, height).convert(mode),
        "JPEG",
        quality=quality,
        subsampling=subsampling,
        progressive=progressive,
        exif=oriented(orientation),
    )
    levels = apart(data, config(size, crop_pct, interpolation))
    assert levels.shape == (3, size, size)
    assert levels.float().mean() < 1


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize(("width", "height"), [(151, 90), (90, 151), (97, 96), (1201, 700)])
def test_every_orientation_is_cropped_where_the_reference_crops(number: int, width: int, height: int) -> None:
    # Fine stripes: a crop that is a pixel off would differ by half of the range.
    y, x = np.mgrid[0:height, 0:width]
    stripes = np.stack([x % 4 * 60, y % 4 * 60, (x + y) % 4 * 60], axis=-1).astype(np.uint8)
    data = encode(Image.fromarray(stripes), "PNG", exif=oriented(number))
    size = min(width, height) - 3
    assert apart(data, config(size, size / min(width, height), "bicubic")).max() == 0


@pytest.mark.parametrize("shape", [(20, 900), (901, 20), (400, 9), (7, 401), (3000, 261), (262, 3001), (6001, 700)])
def test_long_images_are_cropped_in_the_middle(shape: tuple[int, int]) -> None:
    height, width = shape
    y, x = np.mgrid[0:height, 0:width]
    smooth = Image.fromarray((127 + 100 * np.sin((x + 2 * y) / 40)).astype(np.uint8))
    for form in ("PNG", "JPEG"):
        for size in (32, 96):
            levels = apart(encode(smooth, form, exif=oriented(6)), config(size))
            assert levels.float().mean() < 0.6, (form, size)


@pytest.mark.parametrize("size", [(1, 65_000), (65_000, 1), (2, 40_000), (1, 1)])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_extreme_shapes(size: tuple[int, int], form: str) -> None:
    pixels = Reader(config(), LIMITS)(encode(Image.new("RGB", size, (200, 100, 50)), form))
    assert (pixels.float().mean((1, 2)) - torch.tensor([200.0, 100.0, 50.0])).abs().max() < 3


def test_large_images_are_decoded_at_a_part_of_their_size() -> None:
    reader = Reader(config(32, 1.0), LIMITS)
    parts = {}
    for side in (319, 320, 639, 640, 1279, 1280):
        for form, options in (("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {})):
            picture = reader.decode(encode(resized("coffee", side + 5, side), form, **options))
            assert picture.size == (side + 5, side)
            assert picture.pixels.shape == (-(-side // picture.scale), -(-(side + 5) // picture.scale), 3)
            parts[side] = picture.scale
            assert picture.scale == choose_scale((side + 5, side), 32)
    assert parts == {319: 1, 320: 2, 639: 2, 640: 4, 1279: 4, 1280: 8}


def test_where_the_divided_image_would_hold_little_more_than_the_input_it_is_not_divided() -> None:
    for side in range(32, 3000, 7):
        scale = choose_scale((side, 2 * side), 32)
        assert scale == 1 or side / scale >= 5 * 32


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pillow_and_libjpeg_turbo_give_the_same_pixels(
    mode: str, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(resized("chelsea", 451, 301).convert(mode), "JPEG", quality=85, **options)
    taken = []

    def counted(*arguments: object) -> object:
        taken.append(decode_turbo(*arguments))
        return taken[-1]

    for size in (16, 224):
        reader = Reader(config(size), LIMITS)
        monkeypatch.setattr(groupnl.images.reader, "decode_turbo", counted)
        fast = reader.decode(data)
        assert taken[-1] is not None
        monkeypatch.setattr(groupnl.images.reader, "decode_turbo", lambda *_: None)
        slow = reader.decode(data)
        assert fast.pixels.shape == slow.pixels.shape
        assert np.abs(fast.pixels.astype(int) - slow.pixels).mean() < 0.05


@pytest.mark.parametrize("size", [8, 64])
def test_hostile_files_get_the_references_answer(size: int) -> None:
    reader = Reader(config(size), LIMITS)
    cases = [case for case in hostile_cases() if size == 64 or len(case.data) < 1_000_000]
    expected = {case.name: outcome(lambda data: decode(data, LIMITS), case.data) for case in cases}
    assert {case.name: outcome(reader, case.data) for case in cases} == expected
    assert {code for code, _ in expected.values()} > {"answered", "undecodable", "too_large", "unsupported_type"}


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}])
@pytest.mark.parametrize(("size", "scale"), [(8, 2), (64, 1)])
def test_any_cut_and_any_lost_byte_gets_the_references_answer(
    size: int, scale: int, options: dict[str, object]
) -> None:
    reader = Reader(config(size), LIMITS)
    data = encode(Image.fromarray(scene(113, 91)), "JPEG", quality=30, **options)
    assert reader.decode(data).scale == scale
    for place in range(2, len(data)):
        for damaged in (data[:place], data[:place] + b"\xff\xd9", data[:place] + data[place + 1 :]):
            expected = outcome(lambda given: decode(given, LIMITS), damaged)
            assert outcome(reader, damaged) == expected, (place, len(damaged))


def test_a_tolerated_damage_gives_pillows_pixels() -> None:
    whole = encode(resized("coffee", 200, 160), "JPEG", quality=80)
    middle = len(whole) // 2
    damaged = whole[:middle] + b"\x12\x34\x56" + whole[middle + 3 :]
    assert apart(damaged, config(96)).max() <= 1
    assert (Reader(config(96), LIMITS)(damaged).int() - Reader(config(96), LIMITS)(whole).int()).abs().max() > 20


def test_the_tensor_has_memory_of_its_own_channels_last() -> None:
    for data in (encode(resized("coffee", 640, 480), "JPEG"), encode(Image.fromarray(scene(64, 64)), "PNG")):
        for crop_pct in (0.875, 1.0):
            pixels = Reader(config(64, crop_pct), LIMITS)(data)
            assert (pixels.shape, pixels.dtype, pixels.stride()) == ((3, 64, 64), torch.uint8, (1, 192, 3))
            assert pixels.untyped_storage().nbytes() == 3 * 64 * 64


def test_several_threads_read_the_same_as_one() -> None:
    reader = Reader(config(), LIMITS)
    files = [picture.data for picture in good_pictures()] * 3
    for alone, together in zip(map(reader, files), SideBySide(4)(reader, files), strict=True):
        assert torch.equal(alone, together)


@pytest.mark.parametrize(
    ("form", "options", "most"), [("PNG", {}, 1), ("JPEG", {"progressive": True}, 1), ("JPEG", {}, 3)]
)
def test_what_fills_the_memory_is_decoded_one_at_a_time(
    form: str, options: dict[str, object], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(resized("coffee", 600, 400), form, **options)
    monkeypatch.setattr(groupnl.images.reader, "LARGE", 200_000)
    inside, peak, enough = 0, 0, threading.Event()
    lock = threading.Lock()

    def slow(*_: object) -> None:
        nonlocal inside, peak
        with lock:
            inside += 1
            peak = max(peak, inside)
            if peak == 3:
                enough.set()
        enough.wait(0.2)
        with lock:
            inside -= 1

    monkeypatch.setattr(groupnl.images.reader, "decode_turbo", slow)
    SideBySide(3)(Reader(config(32), LIMITS).decode, [data] * 3)
    assert peak == most


def test_a_decoder_that_cannot_begin_is_want_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_decoder(*_: object, **__: object) -> None:
        raise RuntimeError("could not create JPEG decoder")

    monkeypatch.setattr(simplejpeg, "decode_jpeg", no_decoder)
    with pytest.raises(MemoryError):
        Reader(config(), LIMITS)(encode(Image.new("RGB", (4, 4)), "JPEG"))


def test_want_of_memory_is_not_the_clients_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(groupnl.images.reader, "decode_turbo", no_memory)
    with pytest.raises(MemoryError):
        Reader(config(), LIMITS)(encode(Image.new("RGB", (4, 4)), "JPEG"))


@pytest.mark.parametrize("size", [(1, 1), (57, 40), (448, 300), (1400, 1300), (3000, 2)])
def test_pixels_are_read_as_a_lossless_file_of_them(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), np.uint8)
    reader = Reader(config(), LIMITS)
    taken = reader.fit(reader.take(pixels.tobytes(), size))
    assert torch.equal(taken, reader(encode(Image.fromarray(pixels), "PNG")))


@pytest.mark.parametrize(
    ("data", "size", "code", "says"),
    [
        (b"", (0, 4), "undecodable", "0 x 4"),
        (bytes(11), (2, 2), "undecodable", "12 bytes, not 11"),
        (bytes(13), (2, 2), "undecodable", "12 bytes, not 13"),
        (b"", (70_000, 1), "too_many_pixels", "70000 x 1"),
        (b"", (60_000, 60_000), "too_many_pixels", "3600000000"),
    ],
)
def test_pixels_that_are_refused(data: bytes, size: tuple[int, int], code: str, says: str) -> None:
    found, sentence = outcome(lambda content: Reader(config(), LIMITS).take(content, size), data)
    assert (found, says in sentence) == (code, True), sentence
