"""The kinds of pictures that `groupnl bench images` takes where it is given none."""

import io
from collections.abc import Iterator

from PIL import Image

from groupnl.images.placement import Size
from groupnl_studies.harness.photographs import blotches

# Name -> size, Pillow's format and options.
_KINDS: dict[str, tuple[Size, str, dict[str, object]]] = {
    "icon": ((64, 64), "JPEG", {"quality": 90}),
    "icon, PNG": ((64, 64), "PNG", {}),
    "photograph, as in ImageNet": ((500, 375), "JPEG", {"quality": 90}),
    "web": ((640, 480), "JPEG", {"quality": 85}),
    "web, progressive": ((640, 480), "JPEG", {"quality": 85, "progressive": True}),
    "web, WebP": ((640, 480), "WEBP", {"quality": 85}),
    "web, PNG": ((640, 480), "PNG", {}),
    "screen": ((1920, 1080), "JPEG", {"quality": 85}),
    "phone, 12 megapixels": ((4000, 3000), "JPEG", {"quality": 85}),
    "camera, 50 megapixels": ((8160, 6120), "JPEG", {"quality": 85}),
}


def generated() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the encoded image of each kind."""
    for name, (size, form, options) in _KINDS.items():
        buffer = io.BytesIO()
        Image.fromarray(blotches(size)).save(buffer, form, **options)
        yield name, buffer.getvalue()
