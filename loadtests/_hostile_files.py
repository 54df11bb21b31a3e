"""Files that must be refused, and how (docs/requests.md); made from one good JPEG and one good PNG."""

import struct
import zlib
from functools import cache
from typing import NamedTuple

from loadtests._answers import Refusal
from loadtests._images import Image, varied_images

EMPTY = Refusal(400, "empty")
UNDECODABLE = Refusal(400, "undecodable")
INVALID_HEADER = Refusal(400, "invalid_header")
BAD_INPUT = Refusal(400, "bad_input")  # of TorchServe, to a form
BAD_FORM = Refusal(400, "bad_form")  # of our own server
TOO_LARGE = Refusal(413, "too_large")
TOO_MANY_PIXELS = Refusal(413, "too_many_pixels")
UNSUPPORTED = Refusal(415, "unsupported_type")

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_END = 33
_BINARY = "application/octet-stream"
_BYTES_LIMIT = 16 * 2**20  # above, the service refuses; above 20 MiB TorchServe does, without a code


class BadFile(NamedTuple):
    """A request that must be refused.

    Attributes:
        image: the body.
        refusals: of which one must be the answer.
        headers: further ones.
    """

    image: Image
    refusals: tuple[Refusal, ...]
    headers: tuple[tuple[str, str], ...] = ()


@cache
def bad_files() -> tuple[BadFile, ...]:
    """One of each kind; about 20 MB in all."""
    good = {image.name: image for image in varied_images()}
    jpeg, png, webp = good["photo-1.jpg"].data, good["drawing.png"].data, good["photo.webp"].data
    return (
        *_other_types(),
        *_cut({"jpeg": jpeg, "png": png, "webp": webp}),
        _bad("damaged PNG", _spoiled(png), UNDECODABLE),
        _bad("JPEG of 4 gigapixels", _huge_jpeg(jpeg), TOO_MANY_PIXELS),
        _bad("PNG of 10 gigapixels", _huge_png(), TOO_MANY_PIXELS),
        _bad("100000 empty chunks", _many_chunks(png), TOO_LARGE),
        _bad("17 MiB", jpeg + bytes(_BYTES_LIMIT + 2**20 - len(jpeg)), TOO_LARGE),
        _bad("X-Top-K", jpeg, INVALID_HEADER, ("X-Top-K", "many")),
        _form(jpeg),
    )


def _bad(name: str, data: bytes, refusal: Refusal, *headers: tuple[str, str], content_type: str = _BINARY) -> BadFile:
    return BadFile(Image(name, data, content_type), (refusal,), headers)


def _other_types() -> list[BadFile]:
    return [
        _bad("empty", b"", EMPTY),
        _bad("text", b"not an image at all\n" * 50, UNSUPPORTED),
        _bad("HTML", b"<!DOCTYPE html><html><body>404</body></html>", UNSUPPORTED),
        _bad("GIF", b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0, 0, 0) + bytes(100), UNSUPPORTED),
        _bad("PDF called JPEG", b"%PDF-1.7\n1 0 obj\n", UNSUPPORTED, content_type="image/jpeg"),
        _bad("zeros", bytes(100_000), UNSUPPORTED),
    ]


def _cut(files: dict[str, bytes]) -> list[BadFile]:
    return [_bad(f"half of a {name}", data[: len(data) // 2], UNDECODABLE) for name, data in files.items()]


def _spoiled(png: bytes) -> bytes:
    """The header's checksum is wrong."""
    return png[: _PNG_HEADER_END - 4] + bytes(4) + png[_PNG_HEADER_END:]


def _huge_jpeg(jpeg: bytes) -> bytes:
    """The frame says 65500 x 65500."""
    size = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:size] + struct.pack(">HH", 65_500, 65_500) + jpeg[size + 4 :]


def _huge_png() -> bytes:
    """A few kilobytes that would become 30 GB."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(3_000_000), 9)
    return _PNG_MAGIC + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _many_chunks(png: bytes) -> bytes:
    return png[:_PNG_HEADER_END] + _chunk(b"tEXt", b"a\0b") * 100_000 + png[_PNG_HEADER_END:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _form(jpeg: bytes) -> BadFile:
    """A form of two fields, neither of them called data."""
    parts = b"".join(
        b'--edge\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\nContent-Type: image/jpeg\r\n\r\n%b\r\n'
        % (name, name, jpeg)
        for name in (b"one", b"two")
    )
    image = Image("form of two", parts + b"--edge--\r\n", "multipart/form-data; boundary=edge")
    return BadFile(image, (BAD_FORM, BAD_INPUT))
