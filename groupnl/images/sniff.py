"""Which format do these bytes have? The first step of `decode`: by their first bytes, never by a name.

What a client says about its file (name, content type) is not looked at.
"""

from collections.abc import Callable

from groupnl.errors import UndecodableError, UnsupportedTypeError
from groupnl.images.limits import Encoded, Format

_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)


def _is_bmp(head: bytes) -> bool:
    # Two letters are a weak sign ("BMW ..."): the header's size, where the file is long enough, decides.
    size = head[14:18]
    return head.startswith(b"BM") and (len(size) < 4 or int.from_bytes(size, "little") in _BMP_HEADER_SIZES)


def _is_webp(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b"WEB", b"WE", b"W", b"")


_ACCEPTED: dict[Format, Callable[[bytes], bool]] = {
    "JPEG": lambda head: head.startswith(b"\xff\xd8\xff"),
    "PNG": lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
    "WEBP": _is_webp,
    "BMP": _is_bmp,
}
_MAGICS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"BM")
_OTHERS: tuple[tuple[int, bytes, str], ...] = (  # (offset, bytes, what that is)
    (0, b"GIF8", "a GIF image"),
    (0, b"II*\0", "a TIFF image"),
    (0, b"MM\0*", "a TIFF image"),
    (0, b"II+\0", "a TIFF image"),
    (0, b"MM\0+", "a TIFF image"),
    (8, b"avif", "an AVIF image"),
    (8, b"heic", "a HEIC image"),
    (8, b"heix", "a HEIC image"),
    (8, b"mif1", "a HEIC image"),
    (0, b"\xff\x0a", "a JPEG XL image"),
    (4, b"JXL ", "a JPEG XL image"),
    (4, b"jP  ", "a JPEG 2000 image"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"\0\0\1\0", "an ICO icon"),
    (4, b"ftyp", "a video"),
    (0, b"\x1a\x45\xdf\xa3", "a video"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"PK\3\4", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"RIFF", "a sound or video"),
    (0, b"\x7fELF", "a program"),
)


def sniff(data: Encoded, accepted: tuple[Format, ...]) -> Format:
    """Name the format of an encoded image.

    Args:
        data: the encoded image; at least one byte.
        accepted: formats that may be answered with.

    Raises:
        UndecodableError: `data` ends within the first bytes of an accepted format.
        UnsupportedTypeError: `data` is of no accepted format; the text says what it looks like.
    """
    head = bytes(data[:64])
    for name, matches in _ACCEPTED.items():
        if matches(head):
            return _checked(name, accepted)
    if any(magic.startswith(head) for magic in _MAGICS):
        raise UndecodableError(f"The image is cut short: it has only {len(data)} bytes.")
    raise _unsupported(_describe(data), accepted)


def _checked(name: Format, accepted: tuple[Format, ...]) -> Format:
    if name not in accepted:
        raise _unsupported(f"a {name} image", accepted)
    return name


def _unsupported(what: str, accepted: tuple[Format, ...]) -> UnsupportedTypeError:
    return UnsupportedTypeError(f"The body looks like {what}. Send one of: {', '.join(accepted)}.")


def _describe(data: Encoded) -> str:
    for offset, magic, name in _OTHERS:
        if data[offset : offset + len(magic)] == magic:
            return name
    start = bytes(data[:1024])
    # A character of several bytes may be cut by the slice: that must not turn text into unknown data.
    text = start.decode("utf-8", errors="ignore")
    if len(text.encode()) + 3 < len(start) or not all(c.isprintable() or c.isspace() for c in text):
        return "data of an unknown type"
    return _describe_text(text.lower())


def _describe_text(text: str) -> str:
    if "<svg" in text:
        return "an SVG drawing"
    if "<html" in text or "<!doctype html" in text:
        return "an HTML page"
    return "text"
