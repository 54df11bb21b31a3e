"""The images that are sent: files of this folder, in an order that never changes."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "images"
TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


class Image(NamedTuple):
    """A file: what it is called, its bytes, the content type that it is sent with."""

    name: str
    data: bytes
    content_type: str


@cache
def standard_images() -> tuple[Image, ...]:
    """Six JPEG of 640 x 480: what throughput and latency are measured with."""
    return _read("photo-*.jpg")


@cache
def varied_images() -> tuple[Image, ...]:
    """Those, and of other sizes and formats: JPEG of 160 x 120 to 1600 x 1200, grey, progressive, PNG, WebP."""
    standard = standard_images()
    return standard + tuple(image for image in _read("*.*") if image not in standard)


def _read(pattern: str) -> tuple[Image, ...]:
    return tuple(Image(path.name, path.read_bytes(), TYPES[path.suffix]) for path in sorted(FOLDER.glob(pattern)))
