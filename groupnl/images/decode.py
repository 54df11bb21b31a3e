"""Bytes to an upright RGB image, or an `InputError` that says why not: the first half of a request's way.

Calls, in this order: sniff -> strip_jpeg / strip_png -> Pillow's plugin of that format -> the size check ->
the pixels -> colour -> orientation. The plugins are called directly and not through ``Image.open``, which would
add its own size check (a warning), its own guess of the format, and its own idea of phone photos.
"""

import io

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from groupnl.errors import (
    EmptyInputError,
    InputError,
    TooLargeError,
    TooManyPixelsError,
    UndecodableError,
)
from groupnl.images.colour import to_rgb
from groupnl.images.exif import orientation
from groupnl.images.jpeg import strip_jpeg
from groupnl.images.limits import Format, Limits
from groupnl.images.png import strip_png
from groupnl.images.sniff import sniff

_UPRIGHT_BY = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(data: bytes, limits: Limits) -> Image.Image:
    """Decode an encoded image: JPEG, PNG, WebP or BMP; of several frames the first.

    Args:
        data: the encoded image.
        limits: what it may cost.

    Returns:
        An image of mode RGB, turned as its EXIF orientation says.

    Raises:
        EmptyInputError: there are no bytes.
        TooLargeError: more bytes, JPEG scans or file segments than the limits allow.
        UnsupportedTypeError: not an image, or not of an accepted format.
        TooManyPixelsError: more pixels than the limits allow; nothing was decoded.
        UndecodableError: cut short or damaged; Pillow's error is the cause.
    """
    if not data:
        raise EmptyInputError("The body is empty; send one image.")
    if len(data) > limits.max_bytes:
        raise TooLargeError(f"The image has {len(data)} bytes; at most {limits.max_bytes} are accepted.")
    name = sniff(data, limits.formats)
    try:
        return _decode(data, name, limits)
    except InputError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own bound, before it gives a WebP its memory
        raise TooManyPixelsError(f"The image has more than {limits.max_pixels} pixels.") from error
    except Exception as error:  # damaged files make Pillow raise nearly any type
        raise UndecodableError(f"The {name} image cannot be decoded: it is cut short or damaged.") from error


def _decode(data: bytes, name: Format, limits: Limits) -> Image.Image:
    image, exif = _open(data, name, limits)
    _check_size(image, limits)
    image.load()
    rgb = to_rgb(image)
    turn = _UPRIGHT_BY.get(orientation(exif))
    return rgb if turn is None else rgb.transpose(turn)


def _open(data: bytes, name: Format, limits: Limits) -> tuple[ImageFile, bytes]:
    """Read the header only; return the image to be loaded, and its EXIF block."""
    if name == "JPEG":
        stripped, exif = strip_jpeg(data, limits)
        return JpegImageFile(io.BytesIO(stripped)), exif
    if name == "PNG":
        stripped, exif = strip_png(data, limits)
        return PngImageFile(io.BytesIO(stripped)), exif
    image = WebPImageFile(io.BytesIO(data)) if name == "WEBP" else BmpImageFile(io.BytesIO(data))
    return image, image.info.get("exif", b"")


def _check_size(image: ImageFile, limits: Limits) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise UndecodableError(f"The image is {width} x {height} pixels: it has no pixels.")
    run_length_encoded = image.format == "BMP" and image.info.get("compression") in (1, 2)
    limit = min(limits.max_pixels, limits.max_rle_pixels) if run_length_encoded else limits.max_pixels
    if width * height > limit:
        raise TooManyPixelsError(
            f"The image is {width} x {height} pixels, {width * height} in all; at most {limit} are accepted."
        )
