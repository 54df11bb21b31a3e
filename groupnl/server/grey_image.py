"""The first image that a model answers, before anybody else's."""

import io
from http import HTTPStatus

from PIL import Image

# The handler's own refusals of an image: a model may be served with limits that this one breaks.
REFUSALS = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def grey_image() -> bytes:
    """A small grey PNG."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(file, "PNG")
    return file.getvalue()
