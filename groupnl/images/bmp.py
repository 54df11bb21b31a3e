"""Pillow's reader of BMPs, which refuses some kinds by name and has the palette of the file: how a BMP is opened.

Formats: Microsoft's BITMAPINFOHEADER to BITMAPV5HEADER, IBM's OS/2 bitmaps of version 1 and 2.
"""

import struct
from collections.abc import Sequence
from typing import IO, cast

from PIL import ImagePalette
from PIL.BmpImagePlugin import BIT2MODE, BmpImageFile

from groupnl.errors import UnsupportedTypeError

_CORE, _OS2 = 12, 64
_READ_HEADERS = (_CORE, 40, 52, 56, _OS2, 108, 124)
_SHORT_HEADERS = set(range(16, _OS2, 4)) - set(_READ_HEADERS)  # of OS/2 2, which may leave its last fields out
HEADER_SIZES = (*_READ_HEADERS, *_SHORT_HEADERS)
_HEAD = 14 + max(_READ_HEADERS)
_BIT_FIELDS = 3
# Pillow decodes run lengths in Python, and codes that draw nothing keep it busy for seconds.
_RUN_LENGTHS = "is run-length encoded"
_COMPRESSIONS = {
    1: _RUN_LENGTHS,
    2: _RUN_LENGTHS,
    4: "holds a JPEG",
    5: "holds a PNG",
    6: "has bit fields with alpha",
    **dict.fromkeys((11, 12, 13), "has CMYK colours"),
}
_OS2_COMPRESSIONS = _COMPRESSIONS | {3: "is Huffman-coded", 4: _RUN_LENGTHS}
_DEPTHS = {depth: f"has {depth} bits a pixel" for depth in (2, 64)}


class Bmp(BmpImageFile):
    """Pillow's BMP, with the palette that the file has.

    Pillow takes a palette of black and white for samples of 1 bit and one of rising greys for samples of 8, though
    the file may have another number of bits a pixel.

    Raises:
        UnsupportedTypeError: of a kind that is not read.
        Exception: damaged; as Pillow's plugins, of nearly any type.
    """

    def _open(self) -> None:
        file = cast("IO[bytes]", self.fp)  # open until the pixels are loaded
        head = file.read(_HEAD)
        file.seek(0)
        if kind := _refused(head) or self._unread(head):
            raise UnsupportedTypeError(f"The BMP {kind}; save it uncompressed with 24 bits a pixel, or as PNG.")
        bits, _ = _depth(head)
        greys = {"1": (0, 255), "L": range(256)}.get(self.mode)
        if greys is not None and bits != {"1": 1, "L": 8}[self.mode]:
            self._mode, raw_mode = BIT2MODE[bits]
            self.palette = ImagePalette.raw("RGB", bytes(level for level in greys for _ in range(3)))
            self.tile = [tile._replace(args=(raw_mode, *cast("Sequence[int]", tile.args)[1:])) for tile in self.tile]

    def _unread(self, head: bytes) -> str | None:
        """Have Pillow read the header; bit fields that it refuses, if that is why."""
        try:
            super()._open()
        except OSError:
            if not _has_fields(head):
                raise
            return _fields(head)
        return None


def _refused(data: bytes) -> str | None:
    header = int.from_bytes(data[14:18], "little")
    if header in _SHORT_HEADERS:
        return "has a short header of OS/2"
    bits, compression = _depth(data)
    compressions = _OS2_COMPRESSIONS if header == _OS2 else _COMPRESSIONS
    if compression in compressions:
        return compressions[compression]
    if bits == 16 and _has_fields(data) and _masks(data)[3]:
        return _fields(data)  # Pillow would show what is transparent
    return _DEPTHS.get(bits)


def _fields(data: bytes) -> str:
    widths = [str(mask.bit_count()) for mask in _masks(data) if mask]
    return f"has bit fields of a kind that is not read ({'-'.join(widths)})"


def _depth(data: bytes) -> tuple[int, int]:
    """Bits a pixel, and the compression."""
    if int.from_bytes(data[14:18], "little") == _CORE:
        (bits,) = struct.unpack_from("<H", data, 24)
        return bits, 0
    return struct.unpack_from("<HI", data, 28)


def _has_fields(data: bytes) -> bool:
    """Whether there are bit fields as a whole file has them: each of some bits, no bit in two."""
    bits, compression = _depth(data)
    if compression != _BIT_FIELDS:
        return False
    masks = _masks(data)
    every = masks[0] | masks[1] | masks[2] | masks[3]
    return all(masks[:3]) and sum(masks) == every < 2**bits


def _masks(data: bytes) -> Sequence[int]:
    """Of red, green, blue and alpha."""
    red, green, blue, alpha = struct.unpack_from("<4I", data, 54)
    # Before version 3 pixels or palette follow the three.
    return red, green, blue, alpha if int.from_bytes(data[14:18], "little") >= 56 else 0
