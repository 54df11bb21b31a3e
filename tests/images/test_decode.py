import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.hostile import Case, hostile_cases
from support.pictures import Picture, chunk, encode, good_pictures, raw_png, scene, unfiltered

from groupnl.errors import InputError, TooManyPixelsError, UndecodableError, UnsupportedTypeError
from groupnl.images import Limits, decode

TESTS = Path(__file__).parents[1]
LIMITS = Limits()
GOOD = good_pictures()


def outcome(data: bytes, limits: Limits = LIMITS) -> tuple[int, str | None]:
    try:
        image = decode(data, limits)
    except InputError as error:
        return error.status, error.code
    assert image.mode == "RGB"
    assert min(image.size) >= 1
    return 200, None


@pytest.mark.parametrize("picture", GOOD, ids=lambda picture: picture.name)
def test_every_kind_of_image_gives_its_pixels(picture: Picture) -> None:
    image = decode(picture.data, LIMITS)
    pixels = np.asarray(image).astype(int)
    assert image.mode == "RGB"
    assert pixels.shape == picture.pixels.shape
    assert np.abs(pixels - picture.pixels).mean() <= picture.tolerance


def test_hostile_files_get_the_right_answer() -> None:
    cases = hostile_cases()
    wrong = [(case.name, found) for case in cases if (found := outcome(case.data)) not in case.expected]
    assert len(cases) > 500
    assert len({case.name for case in cases}) == len(cases)
    assert wrong == []


def test_decoding_hostile_files_does_not_grow_the_process() -> None:
    cases = [case for case in hostile_cases() if len(case.data) < 5_000_000]

    def resident_kib() -> int:
        return psutil.Process().memory_info().rss // 1024

    run_all(cases)
    before = resident_kib()
    for _ in range(3):
        run_all(cases)
    assert resident_kib() - before < 16 * 1024


def run_all(cases: list[Case]) -> None:
    for case in cases:
        outcome(case.data)


def test_transparent_value_of_16_bit_grey_is_laid_over_white() -> None:
    samples = np.array([[0x1234, 0x1235], [0x8000, 0x1234]], ">u2")
    data = raw_png(2, 2, 16, 0, unfiltered(samples), chunk(b"tRNS", b"\x12\x34"))
    assert np.asarray(decode(data, Limits()))[..., 0].tolist() == [[255, 0x12], [0x80, 255]]


@pytest.mark.slow
def test_damaged_metadata_prints_nothing() -> None:
    code = """
import sys
from support.hostile import hostile_cases
from groupnl.errors import InputError
from groupnl.images import Limits, decode
for case in hostile_cases():
    try:
        decode(case.data, Limits())
    except InputError:
        pass
"""
    command = [sys.executable, "-Walways", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS, check=True)
    assert done.stdout + done.stderr == ""


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_an_image_or_an_input_error(data: bytes) -> None:
    outcome(data)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([picture.data for picture in GOOD if len(picture.data) < 50_000]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    st.floats(0, 1),
)
def test_any_damage_is_an_image_or_an_input_error(data: bytes, changes: list[tuple[float, int]], keep: float) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[int(place * len(damaged))] = value
    outcome(bytes(damaged[: int(keep * len(damaged))]))


def test_a_truncated_png_is_never_answered() -> None:
    data = encode(Image.fromarray(scene(16, 16)), "PNG")
    assert {outcome(data[:length]) for length in range(1, len(data))} == {(400, "undecodable")}


def test_pixels_are_counted_before_decoding() -> None:
    limits = Limits(max_pixels=100)
    assert outcome(encode(Image.new("RGB", (10, 10)), "PNG"), limits) == (200, None)
    # The data are damaged, but nobody has looked at them.
    with pytest.raises(TooManyPixelsError, match=r"11 x 10 pixels, 110 in all; at most 100"):
        decode(raw_png(11, 10, 8, 2, b"too short"), limits)


def test_bytes_are_counted_first() -> None:
    data = encode(Image.new("RGB", (10, 10)), "PNG")
    assert outcome(data, Limits(max_bytes=len(data))) == (200, None)
    assert outcome(data, Limits(max_bytes=len(data) - 1)) == (413, "too_large")


def test_usual_progressive_files_are_far_from_the_scan_limit() -> None:
    data = encode(Image.fromarray(scene()), "JPEG", progressive=True)
    passes = 10 * 96 * 64
    assert outcome(data, Limits(max_scan_pixels=passes)) == (200, None)
    assert outcome(data, Limits(max_scan_pixels=passes - 1)) == (413, "too_large")
    assert LIMITS.max_scan_pixels >= 2 * 10 * LIMITS.max_pixels


def test_a_single_scan_is_bounded_by_pixels_alone() -> None:
    data = encode(Image.fromarray(scene()), "JPEG")
    assert outcome(data, Limits(max_scan_pixels=1)) == (200, None)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("slow-jpeg-arithmetic", "The JPEG is arithmetic-coded"),
        ("kind-jpeg-lossless", "The JPEG is lossless"),
        ("kind-jpeg-hierarchical", "The JPEG is hierarchical"),
        ("slow-bmp-rle4", "The BMP is run-length encoded"),
    ],
)
def test_the_refusal_names_the_kind_of_an_accepted_format(name: str, what: str) -> None:
    (data,) = (case.data for case in hostile_cases() if case.name == name)
    with pytest.raises(UnsupportedTypeError, match=what):
        decode(data, LIMITS)


def test_want_of_memory_is_not_the_clients_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(Image.new("L", (4, 4)), "PNG")

    def no_memory(image: Image.Image, mode: str) -> Image.Image:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "convert", no_memory)
    with pytest.raises(MemoryError):
        decode(data, LIMITS)


def test_formats_can_be_restricted() -> None:
    with pytest.raises(UnsupportedTypeError, match=r"looks like a BMP image; accepted are PNG, JPEG"):
        decode(encode(Image.new("RGB", (4, 4)), "BMP"), Limits(formats=("PNG", "JPEG")))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"GIF89a", "a GIF image"),
        (b"%PDF-1.7", "a PDF document"),
        (b"<?xml version='1.0'?><svg/>", "an SVG drawing"),
        (b"\0\0\0\x18ftypheic", "a HEIC image"),
        ("caf\u00e9 ".encode() * 1000, "text"),
        (b"\x00\x01\x02\xfe" * 100, "data of an unknown type"),
    ],
)
def test_the_refusal_names_what_was_sent(data: bytes, what: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=rf"looks like {what}; accepted are JPEG, PNG, WEBP, BMP"):
        decode(data, LIMITS)


def test_the_cause_is_kept() -> None:
    with pytest.raises(UndecodableError) as caught:
        decode(raw_png(10, 10, 8, 2, b"\x77" * 10), LIMITS)
    assert isinstance(caught.value.__cause__, OSError)


def test_a_full_size_image_is_decoded() -> None:
    data = encode(Image.new("L", (10_000, 5000), 7), "PNG")
    assert np.asarray(decode(data, LIMITS).reduce(1000)).max() == 7


def test_bytearray_is_taken_as_torchserve_gives_it() -> None:
    data = bytearray(encode(Image.new("RGB", (4, 5)), "JPEG"))
    assert decode(data, LIMITS).size == (4, 5)
