"""A PNG without what is not needed to decode it, and with the transparency that it has: how `decode` opens a PNG.

Text, colour profiles and animation can be made slow or large to read by a hostile file, and none of it changes
the pixels that the model gets: of an animated PNG the still image is taken. Format: the PNG specification,
third edition, sections 5 and 11.3.1.1.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Any, cast

from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngImageFile

from groupnl.errors import TooLargeError, UndecodableError, UnsupportedTypeError
from groupnl.images.limits import Encoded, Limits

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_APPLE = b"CgBI"
_AROUND = 12  # bytes of a chunk that are not its data: length, type, checksum
# How Pillow unpacks samples that do not have 8 bits.
_BITS = {"1": 1, "L;2": 2, "L;4": 4, "I;16B": 16, "RGB;16B": 16}
_LOWER_BYTES = "RGB;16L"


class Png(PngImageFile):
    """Pillow's PNG, with the transparent colour or palette entries (tRNS) that the file has.

    Pillow compares a transparent colour of 2 or 4 bits with samples that it has stretched to 8, one of 16 bits with
    their upper byte, and takes some lists of a palette's alpha values for a single entry.
    """

    def _open(self) -> None:
        super()._open()
        self._wide_key: Sequence[int] = ()
        if "transparency" in self.info:
            self._set_transparency(_chunk(self._file(), b"tRNS"))

    def load(self) -> Any:
        """Decode the pixels; colours of 16 bits become RGBA where one of them is transparent."""
        if self.tile and self._wide_key:
            key, self._wide_key = self._wide_key, ()
            lower = self._lower_bytes()
            super().load()
            self.putalpha(_alpha(self, lower, key))
        return super().load()

    def _set_transparency(self, chunk: bytes) -> None:
        if self.mode == "P":
            self.info["transparency"] = chunk
            return
        values = struct.unpack_from(">HHH" if self.mode == "RGB" else ">H", chunk)
        bits = _BITS.get(str(self.tile[0].args), 8)
        top = 2**bits - 1
        key = [value & top for value in values]  # higher bits mean nothing
        if self.mode == "RGB" and bits == 16:
            del self.info["transparency"]
            self._wide_key = key
            return
        levels = key if bits == 16 else [value * 255 // top for value in key]
        self.info["transparency"] = tuple(levels) if self.mode == "RGB" else levels[0]

    def _lower_bytes(self) -> Image.Image:
        file = self._file()
        place = file.tell()
        file.seek(0)
        lower = PngImageFile(io.BytesIO(file.read()))
        file.seek(place)
        lower.tile = [tile._replace(args=_LOWER_BYTES) for tile in lower.tile]
        lower.load()
        return lower

    def _file(self) -> IO[bytes]:
        return cast("IO[bytes]", self.fp)  # open until the pixels are loaded


def _chunk(file: IO[bytes], wanted: bytes) -> bytes:
    """The data of a chunk that lies before the image data."""
    place = file.tell()
    file.seek(len(_SIGNATURE))
    length, name = struct.unpack(">I4s", file.read(8))
    while name != wanted:
        file.seek(length + 4, io.SEEK_CUR)
        length, name = struct.unpack(">I4s", file.read(8))
    data = file.read(length)
    file.seek(place)
    return data


def _alpha(upper: Image.Image, lower: Image.Image, key: Sequence[int]) -> Image.Image:
    """255 where any byte is not the key's, else 0."""
    alpha = Image.new("L", upper.size)
    for channel, value in enumerate(key):
        for half, byte in ((upper, value >> 8), (lower, value & 255)):
            other = [255 * (level != byte) for level in range(256)]
            alpha = ImageChops.lighter(alpha, half.getchannel(channel).point(other))
    return alpha


def strip_png(data: Encoded, limits: Limits) -> tuple[bytes, bytes]:
    """Cut a PNG down to what decoding needs.

    Args:
        data: a file that starts with the PNG signature.
        limits: bound on the number of chunks.

    Returns:
        The still image of the file, and its EXIF block (empty if there is none).

    Raises:
        TooLargeError: more chunks than the limit allows.
        UnsupportedTypeError: Apple's own kind.
        UndecodableError: the file ends within a chunk or before the end chunk.
    """
    chunks = list(islice(chunks_of(data), limits.max_segments + 1))
    if len(chunks) > limits.max_segments:
        raise TooLargeError(f"The PNG has more than {limits.max_segments} chunks.")
    if any(name == _APPLE for name, _, _ in chunks):
        raise UnsupportedTypeError("The PNG is of Apple's own kind (CgBI); save it as a standard PNG.")
    view = memoryview(data)
    kept = [view[start:end] for name, start, end in chunks if name in _NEEDED]
    exif = next((data[start + 8 : end - 4] for name, start, end in chunks if name == b"eXIf"), b"")
    return b"".join((_SIGNATURE, *kept)), bytes(exif)


def chunks_of(data: Encoded) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, end) of each chunk, the end chunk included.

    Raises:
        UndecodableError: the file ends before it.
    """
    start, name = len(_SIGNATURE), b""
    while name != b"IEND":
        name = bytes(data[start + 4 : start + 8])
        end = start + _AROUND + int.from_bytes(data[start : start + 4], "big")
        if end > len(data):
            raise UndecodableError(f"The PNG is cut short or damaged at byte {start}.")
        yield name, start, end
        start = end
