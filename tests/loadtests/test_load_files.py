"""The files that the load tests send, against the code that reads them in the service."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image as Pillow
from support.draw_images import FILES, draw

from groupnl.errors import InputError
from groupnl.images.decode import decode
from groupnl.images.limits import Limits
from loadtests._hostile_files import BadFile, bad_files
from loadtests._images import FOLDER, standard_images, varied_images

ROOT = Path(__file__).parents[2]


def test_standard_images_are_six_jpeg_of_one_size():
    images = [Pillow.open(io.BytesIO(image.data)) for image in standard_images()]
    assert [(image.format, image.size) for image in images] == [("JPEG", (640, 480))] * 6
    assert len({image.data for image in standard_images()}) == 6


def test_varied_images_begin_with_those_and_add_others():
    images = varied_images()
    assert images[:6] == standard_images()
    assert {image.name for image in images} == {name for name, _, _ in FILES}
    opened = {image.name: Pillow.open(io.BytesIO(image.data)) for image in images}
    assert {image.format for image in opened.values()} == {"JPEG", "PNG", "WEBP"}
    assert {f"image/{(image.format or '').lower()}" for image in opened.values()} == {i.content_type for i in images}
    assert opened["grey.jpg"].mode == "L"
    assert opened["progressive.jpg"].info["progressive"]


def test_the_order_never_changes():
    assert [image.name for image in varied_images()] == [image.name for image in varied_images()]
    assert [image.name for image in standard_images()] == [f"photo-{number}.jpg" for number in range(1, 7)]


@pytest.mark.parametrize("number", [0, 6])
def test_the_script_draws_what_lies_there(number):
    """But for the encoder's rounding, which differs between releases of libjpeg."""
    name, size, _ = FILES[number]
    lying, drawn = Pillow.open(FOLDER / name).convert("L"), draw(number, size).convert("L")
    small = [list(image.resize((16, 12)).tobytes()) for image in (lying, drawn)]
    assert max(abs(a - b) for a, b in zip(*small, strict=True)) <= 4


def documented() -> set[tuple[int, str]]:
    """Status and code of what our own code refuses; TorchServe's own bodies have no code of ours."""
    page = (ROOT / "docs" / "requests.md").read_text(encoding="utf-8")
    return {(int(status), code) for status, code in re.findall(r"^\| (4\d\d) \| `(\w+)` \|", page, re.MULTILINE)}


def test_every_documented_refusal_is_provoked():
    provoked = {tuple(refusal) for file in bad_files() for refusal in file.refusals}
    assert provoked == documented()


def test_names_differ():
    assert len({file.image.name for file in bad_files()}) == len(bad_files())


def bodies() -> list[BadFile]:
    """Without those that are refused for what stands around the image."""
    return [file for file in bad_files() if not file.headers and "multipart" not in file.image.content_type]


@pytest.mark.parametrize("file", bodies(), ids=lambda file: file.image.name)
def test_the_service_refuses_each_as_expected(file):
    with pytest.raises(InputError) as error:
        decode(file.image.data, Limits())
    assert (error.value.status, error.value.code) in [tuple(refusal) for refusal in file.refusals]


@pytest.mark.parametrize("image", varied_images(), ids=lambda image: image.name)
def test_the_service_reads_each_good_image(image):
    assert decode(image.data, Limits()).mode == "RGB"
