"""Bytes to an upright RGB image, or an `InputError` that says why not.

`decode` is the reference: all pixels, by Pillow. `read_image` does what every way of reading shares, in this order:
sniff -> strip_jpeg / strip_png -> Pillow's plugin of that format -> the size check; its caller then fetches
the pixels. The plugins are called directly and not through ``Image.open``, which would add its own size check (a
warning), its own guess of the format, and its own idea of phone photos.
"""

import io
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from groupnl.errors import (
    EmptyInputError,
    InputError,
    TooLargeError,
    TooManyPixelsError,
    UndecodableError,
)
from groupnl.images.bmp import Bmp
from groupnl.images.colour import to_rgb
from groupnl.images.exif import orientation
from groupnl.images.jpeg import StrippedJpeg, strip_jpeg
from groupnl.images.limits import Encoded, Format, Limits
from groupnl.images.png import Png, strip_png
from groupnl.images.sniff import sniff
from groupnl.images.webp import WebP

_UPRIGHT_BY = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_Result = TypeVar("_Result")


class Opened(NamedTuple):
    """An image whose header was read and whose size is within the limits; no pixels are decoded.

    Attributes:
        image: as Pillow opened it.
        exif: its EXIF block; empty if there is none.
        jpeg: what Pillow reads, if it is a JPEG.
    """

    image: ImageFile
    exif: bytes
    jpeg: StrippedJpeg | None = None


def decode(data: Encoded, limits: Limits) -> Image.Image:
    """Decode an encoded image: JPEG, PNG, WebP or BMP; of several frames the first.

    Args:
        data: the encoded image.
        limits: what it may cost.

    Returns:
        An image of mode RGB, turned as its EXIF orientation says.

    Raises:
        EmptyInputError: there are no bytes.
        TooLargeError: more bytes, JPEG scans or file segments than the limits allow.
        UnsupportedTypeError: not an image, or not of an accepted format or kind of it.
        TooManyPixelsError: more pixels than the limits allow; nothing was decoded.
        UndecodableError: cut short or damaged; Pillow's error is the cause.
        MemoryError: an accepted image, but this machine has no memory for it.
    """
    return read_image(data, limits, _upright)


def read_image(data: Encoded, limits: Limits, load: Callable[[Opened], _Result]) -> _Result:
    """Check an encoded image and have its pixels fetched.

    Args:
        data: the encoded image.
        limits: what it may cost.
        load: gets the opened image; whatever it raises beside an `InputError` or a `MemoryError` means a damaged file.

    Returns:
        What `load` returned.

    Raises:
        InputError: see `decode`.
        MemoryError: see `decode`.
    """
    if not data:
        raise EmptyInputError("The image has no bytes.")
    if len(data) > limits.max_bytes:
        raise TooLargeError(f"The image has {len(data)} bytes; at most {limits.max_bytes} are accepted.")
    name = sniff(data, limits.formats)
    try:
        return load(_open_checked(data, name, limits))  # not held here: `load` may let go of it early
    except (InputError, MemoryError):
        raise
    except Image.DecompressionBombError as error:  # Pillow's own bound, before it gives a WebP its memory
        raise TooManyPixelsError(f"The image has more than {limits.max_pixels} pixels.") from error
    except Exception as error:  # damaged files make Pillow raise nearly any type
        raise UndecodableError(f"The {name} image cannot be decoded: it is cut short or damaged.") from error


def _upright(opened: Opened) -> Image.Image:
    image, exif, _ = opened
    del opened  # holds twice the pixels of a WebP, which turning would come on top of
    image.load()
    rgb = to_rgb(image)
    del image
    return upright(rgb, exif)


def upright(image: Image.Image, exif: bytes) -> Image.Image:
    """Turn an image as its EXIF block says, which may be empty."""
    turn = _UPRIGHT_BY.get(orientation(exif))
    return image if turn is None else image.transpose(turn)


def _open_checked(data: Encoded, name: Format, limits: Limits) -> Opened:
    opened = _open(data, name, limits)
    check_size(opened.image.size, limits)
    return opened


def _open(data: Encoded, name: Format, limits: Limits) -> Opened:
    """Read the header only."""
    if name == "JPEG":
        jpeg = strip_jpeg(data, limits)
        return Opened(JpegImageFile(io.BytesIO(jpeg.data)), jpeg.exif, jpeg)
    if name == "PNG":
        stripped, exif = strip_png(data, limits)
        return Opened(Png(io.BytesIO(stripped)), exif)
    if name == "WEBP":
        image = WebP(io.BytesIO(data))
        return Opened(image, image.info.get("exif", b""))
    return Opened(Bmp(io.BytesIO(data)), b"")


def check_size(image: tuple[int, int], limits: Limits) -> None:
    """Refuse an image by its size alone.

    Args:
        image: its width and height, pixels.
        limits: what it may cost.

    Raises:
        UndecodableError: it has no pixels.
        TooManyPixelsError: it has more than the limits allow.
    """
    width, height = image
    size, pixels = f"{width} x {height} pixels", width * height
    if width < 1 or height < 1:
        raise UndecodableError(f"The image is {size}: it has no pixels.")
    if max(width, height) > limits.max_side:
        raise TooManyPixelsError(f"The image is {size}; a side of at most {limits.max_side} is accepted.")
    if pixels > limits.max_pixels:
        raise TooManyPixelsError(f"The image is {size}, {pixels} in all; at most {limits.max_pixels} are accepted.")
