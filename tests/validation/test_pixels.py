"""groupnl.validation.pixels: images of a set may be larger than those that a client may send."""

import io

import pytest
from PIL import Image

from groupnl.errors import InputError
from groupnl.images import Limits, decode
from groupnl.validation.pixels import encoded


def file(width: int, height: int, kind: str) -> bytes:
    """All of one grey."""
    buffer = io.BytesIO()
    Image.new("L", (width, height), 90).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(("width", "height", "kind", "more"), [(7200, 7000, "PNG", 0), (8, 8, "JPEG", 17 * 2**20)])
def test_large_images_of_a_set_are_read(width: int, height: int, kind: str, more: int) -> None:
    data = file(width, height, kind) + bytes(more)
    with pytest.raises(InputError, match="are accepted"):
        decode(data, Limits())
    image = encoded(data)
    assert (image.size, image.getpixel((5, 5))) == ((width, height), (90, 90, 90))
