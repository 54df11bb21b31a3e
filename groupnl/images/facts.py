"""What a file says of the image in it, read from its headers alone: format, EXIF, size, how strongly it is compressed.

For files that were answered; of others, whatever their bytes, there may be nothing to say.
"""

import struct
from collections.abc import Iterator
from itertools import chain, islice, takewhile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groupnl.errors import InputError
from groupnl.images.jpeg import segments_of
from groupnl.images.limits import Encoded, Format
from groupnl.images.png import chunks_of
from groupnl.images.sniff import sniff

FORMATS: tuple[Format, ...] = ("JPEG", "PNG", "WEBP", "BMP")
# Of a file that are looked at: JPEG segments or PNG chunks; and quantisation tables of a JPEG, which needs four.
_MOST_PARTS = 10_000
_MOST_TABLES = 16
_START_OF_SCAN, _TABLES, _APP1, _EXIF = 0xDA, 0xDB, 0xE1, b"Exif\0\0"
_FRAMES = (0xC0, 0xC1, 0xC2)
_COEFFICIENTS = 64
_OS2_HEADER = 12
# ITU-T T.81, table K.1, in zigzag order; libjpeg scales it by the quality.
_LUMINANCE = np.array(
    [
        *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40),
        *(26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51),
        *(56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87),
        *(95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
    ]
)


class FileFacts(NamedTuple):
    """What a file says.

    Attributes:
        format: of the file.
        has_exif: whether there is an EXIF block.
        side: the longer one of the image, pixels.
        jpeg_quality: 1 to 100, of which libjpeg's table for brightness is nearest; None where it is no JPEG or has no
            table.
    """

    format: Format
    has_exif: bool
    side: int
    jpeg_quality: int | None = None


def file_facts(data: Encoded) -> FileFacts | None:
    """Read an encoded image's headers; None where they cannot be read.

    Args:
        data: the encoded image.
    """
    try:
        found = sniff(data, FORMATS)
        return {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "BMP": _bmp}[found](data)
    except (InputError, struct.error, StopIteration):
        return None


def _jpeg(data: Encoded) -> FileFacts:
    parts = islice(segments_of(data), _MOST_PARTS)
    header = list(takewhile(lambda part: part[0] != _START_OF_SCAN, parts))
    frame = next(start for marker, start, _ in header if marker in _FRAMES)
    has_exif = any(marker == _APP1 and data[start + 4 : start + 10] == _EXIF for marker, start, _ in header)
    contents = (data[start + 4 : end] for marker, start, end in header if marker == _TABLES)
    tables = islice(chain.from_iterable(map(_tables, contents)), _MOST_TABLES)
    first = next((table for number, table in tables if number == 0), None)
    side = max(struct.unpack_from(">HH", data, frame + 5))
    return FileFacts("JPEG", has_exif, side, None if first is None else _quality(first))


def _tables(content: Encoded) -> Iterator[tuple[int, NDArray[np.uint16]]]:
    """Number and coefficients, in zigzag order, of each whole quantisation table in a segment."""
    place = 0
    while place < len(content):
        kind = np.dtype(">u2" if content[place] >> 4 else "u1")
        size = _COEFFICIENTS * kind.itemsize
        if place + 1 + size > len(content):
            return
        yield content[place] & 15, np.frombuffer(content, kind, _COEFFICIENTS, place + 1).astype(np.uint16)
        place += 1 + size


def _quality(table: NDArray[np.uint16]) -> int:
    return int(np.abs(_OF_QUALITY - table.astype(np.int64)).sum(axis=1).argmin()) + 1


def _of_quality() -> NDArray[np.int64]:
    """The table that libjpeg has for each quality from 1 to 100, (100, 64)."""
    quality = np.arange(1, 101)
    percent = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    scaled: NDArray[np.int64] = ((percent[:, None] * _LUMINANCE + 50) // 100).clip(1, 255)
    return scaled


_OF_QUALITY = _of_quality()


def _png(data: Encoded) -> FileFacts:
    has_exif = any(name == b"eXIf" for name, _, _ in islice(chunks_of(data), _MOST_PARTS))
    return FileFacts("PNG", has_exif, max(struct.unpack_from(">II", data, 16)))


def _webp(data: Encoded) -> FileFacts:
    """The three kinds of a first chunk: extended, lossless, lossy."""
    kind = bytes(data[12:16])
    if kind == b"VP8X":
        (flags,) = struct.unpack_from("<B", data, 20)
        sides = (int.from_bytes(data[place : place + 3], "little") + 1 for place in (24, 27))
        return FileFacts("WEBP", bool(flags & 0x08), max(sides))
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return FileFacts("WEBP", False, max(bits & 0x3FFF, bits >> 14 & 0x3FFF) + 1)
    return FileFacts("WEBP", False, max(side & 0x3FFF for side in struct.unpack_from("<HH", data, 26)))


def _bmp(data: Encoded) -> FileFacts:
    (header,) = struct.unpack_from("<I", data, 14)
    sides = struct.unpack_from("<HH" if header == _OS2_HEADER else "<ii", data, 18)
    return FileFacts("BMP", False, max(map(abs, sides)))
