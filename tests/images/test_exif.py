import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.pictures import oriented

from groupnl.images.exif import orientation


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("number", range(1, 9))
def test_reads_every_orientation(number: int, order: str) -> None:
    assert orientation(oriented(number, order)) == number
    assert orientation(oriented(number, order).removeprefix(b"Exif\0\0")) == number


@pytest.mark.parametrize(("order", "magic"), [("<", b"II*\0"), (">", b"MM\0*")])
def test_reads_an_orientation_stored_as_long(order: str, magic: bytes) -> None:
    block = magic + struct.pack(f"{order}IHHHII", 8, 1, 0x0112, 4, 1, 6)
    assert orientation(block) == 6


@pytest.mark.parametrize("number", [0, 9, 65535])
def test_an_unknown_number_means_upright(number: int) -> None:
    assert orientation(oriented(number)) == 1


def test_reads_what_pillow_writes() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description, so that the tag is not the first"
    exif[0x0112] = 6
    exif[0x0132] = "2024:01:01 00:00:00"
    assert orientation(exif.tobytes()) == 6


@given(st.binary(max_size=200), st.sampled_from([b"", b"Exif\0\0", b"II*\0", b"MM\0*\0\0\0\x08"]))
def test_any_bytes_have_an_orientation(data: bytes, start: bytes) -> None:
    assert 1 <= orientation(start + data) <= 8


def test_every_cut_is_survived() -> None:
    block = oriented(6)
    assert {orientation(block[:length]) for length in range(len(block) - 6)} == {1}
