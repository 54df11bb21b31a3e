"""groupnl.images.facts: what a file's headers say, and that no bytes make it fail or take long."""

import numpy as np
import pytest
from PIL import Image
from support.hostile import hostile_cases
from support.pictures import encode, good_pictures, scene

from groupnl.images.facts import FORMATS, FileFacts, file_facts

_IMAGE = Image.fromarray(scene(96, 64))


@pytest.mark.parametrize("quality", [1, 5, 10, 24, 30, 49, 50, 51, 75, 90, 95, 100])
def test_the_quality_of_a_jpeg(quality: int) -> None:
    assert file_facts(encode(_IMAGE, "JPEG", quality=quality)) == FileFacts("JPEG", False, 96, quality)


def test_the_table_for_brightness_counts() -> None:
    tables = {0: [16] * 64, 1: [1] * 64}
    facts = file_facts(encode(_IMAGE, "JPEG", qtables=tables))
    assert facts is not None
    assert facts.jpeg_quality is not None
    assert 50 < facts.jpeg_quality < 95


@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True}), ("WEBP", {"quality": 50}), ("JPEG", {"quality": 80})],
)
def test_format_and_side(form: str, options: dict[str, object]) -> None:
    tall = Image.fromarray(np.ascontiguousarray(scene(70, 301)))
    quality = 80 if form == "JPEG" else None
    assert file_facts(encode(tall, form, **options)) == FileFacts(form, False, 301, quality)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_exif(form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    facts = file_facts(encode(_IMAGE, form, exif=exif))
    assert facts is not None
    assert (facts.format, facts.has_exif, facts.side) == (form, True, 96)


def test_every_good_picture_has_facts() -> None:
    for picture in good_pictures():
        facts = file_facts(picture.data)
        assert facts is not None, picture.name
        assert facts.side == max(picture.pixels.shape[:2]), picture.name


def test_whatever_the_bytes() -> None:
    said = [file_facts(case.data) for case in hostile_cases()]
    assert {facts.format for facts in said if facts is not None} == set(FORMATS)
    assert None in said
    for form in FORMATS:
        data = encode(_IMAGE, form)
        for length in range(min(len(data), 400)):
            file_facts(data[:length])
