"""Which format do these bytes have? The first step of `decode`: by their first bytes, never by a name.

What a client says about its file (name, content type) is not looked at.
"""

import codecs
import re
import zlib
from collections.abc import Callable

from groupnl.errors import UndecodableError, UnsupportedTypeError
from groupnl.images.bmp import HEADER_SIZES
from groupnl.images.limits import Encoded, Format

_GZIP = b"\x1f\x8b"
_UNKNOWN = "data of an unknown type"
_HEAD = 512  # bytes that are looked at; of text more, where a long comment may stand first
_TEXT = 4096


def _is_bmp(head: bytes) -> bool:
    # Two letters are a weak sign ("BMW ..."): the header's size, where the file is long enough, decides.
    size = head[14:18]
    return head.startswith(b"BM") and (len(size) < 4 or int.from_bytes(size, "little") in HEADER_SIZES)


def _is_webp(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b"WEB", b"WE", b"W", b"")


_ACCEPTED: dict[Format, Callable[[bytes], bool]] = {
    "JPEG": lambda head: head.startswith(b"\xff\xd8\xff"),
    "PNG": lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
    "WEBP": _is_webp,
    "BMP": _is_bmp,
}
_MAGICS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"BM")
_BRANDS = rb".{4}ftyp(?:.{4})*?"  # of a file of the MPEG-4 family: the first one, or one that it is compatible with
_OTHERS: tuple[tuple[bytes, str], ...] = (  # (how it begins, what that is); the first that fits
    (rb"GIF8", "a GIF image"),
    (rb"II\*\0.{4}CR|MMOR", "a raw photograph"),
    (rb"II[*+]\0|MM\0[*+]", "a TIFF image"),
    (_BRANDS + rb"avi[fos]", "an AVIF image"),
    (_BRANDS + rb"he(?:i[cmsx]|v[cmsx])", "a HEIC image"),
    (_BRANDS + rb"(?:mif[12]|msf1|miaf|avc[is]|vvi[cs]|j2ki|j2is|jpeg|jpgs)", "a HEIF image"),
    (rb"\xff\x0a|.{4}JXL ", "a JPEG XL image"),
    (rb".{4}jP  |\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (rb"II\xbc", "a JPEG XR image"),
    (rb"\xff\x10\xff\x50", "a JPEG XS image"),
    (rb"\x8aMNG", "an MNG animation"),
    (rb"\x8bJNG", "a JNG image"),
    (rb"P[1-6](?:(?:\s|#[^\n]*\n)++\d+){2}\s|P7\nWIDTH|P[Ff]\s", "a PNM image"),
    (rb"qoif", "a QOI image"),
    (rb"v/1\x01", "an OpenEXR image"),
    (rb"#\?R(?:ADIANCE|GBE)\s", "a Radiance HDR image"),
    (rb"DDS \x7c\0\0\0", "a DDS image"),
    (rb"SIMPLE  =", "a FITS image"),
    (rb".{128}DICM", "a DICOM image"),
    (rb"(?:\x5c\x01\0\0|\0\0\x01\x5c).{340}n[+i]1\0|.{4}n[+i]2\0\r\n\x1a\n", "a NIfTI image"),
    (rb"BA.{12}BM", "an array of OS/2 bitmaps"),
    (rb"\0\0\x01\0", "an ICO icon"),
    (rb"icns", "an ICNS icon"),
    (rb"\0\0\x02\0[^\0]\0|RIFF.{4}ACON", "a mouse cursor"),
    (rb".\0[\x02\x03\x0a\x0b]\0{5}.{8}[\x08\x10\x18\x20]|.\x01[\x01\x09]\0\0..[\x10\x18\x20].{8}\x08", "a TGA image"),
    (rb"\x0a[\0-\x05]\x01[\x01\x02\x04\x08]", "a PCX image"),
    (rb"AT&TFORM", "a DjVu document"),
    (rb"8BPS", "a Photoshop file"),
    (rb"gimp xcf", "a GIMP file"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file"),
    (rb"\xd7\xcd\xc6\x9a|\x01\0\x09\0\0\x03|\x01\0{3}.{36} EMF", "a Windows metafile"),
    (rb"%PDF-", "a PDF document"),
    (rb".{4}ftypcrx |FUJIFILMCCD-RAW|II(?:R[OS]|U\0|\x1a\0{3}HEAP)|FOVb|\0MRM", "a raw photograph"),
    (rb"OggS.{24}(?:\x80theora|\x01video)", "a video"),
    (rb".{4}ftypM4[AB] |RIFF.{4}WAVE|FORM.{4}AIF[CF]|OggS|fLaC|MThd", "a sound"),
    (rb"ID3[\x02-\x04]|\xff[\xf1-\xf3\xf9-\xfb]", "a sound"),
    (rb".{4}(?:ftyp|moov|mdat)|\0.{3}(?:free|skip|wide|pnot)|RIFF.{4}AVI |\x1a\x45\xdf\xa3", "a video"),
    (rb"\0\0\x01[\xb3\xba]|FLV\x01|\x30\x26\xb2\x75|(?:G.{187}){2}G|.{4}(?:G.{191}){2}G", "a video"),
    (rb"RIFF", "a sound or video"),
    (rb"PK(?:\x03\x04|\x05\x06|\x07\x08)", "a ZIP archive"),
    (_GZIP, "a gzip archive"),
    (rb".{257}ustar", "a tar archive"),
    (rb"BZh[1-9]1AY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!\x1a\x07", "a compressed archive"),
    (rb"\x93NUMPY", "a NumPy array"),
    (rb"\x89HDF\r\n", "an HDF5 file"),
    (rb"\x7fELF|MZ.{3}\0|[\xce\xcf]\xfa\xed\xfe", "a program"),
    (rb"--\S+\r\nContent-Disposition:", "a form that is not declared as one"),
)
# What may stand before the first element; it is not gone back to.
_PROLOGUE = rb"(?>(?:<\?.*?\?>|<!--.*?-->|\s)*)"
_ROOT = re.compile(_PROLOGUE + rb"<(?:!doctype\s+|[\w.-]+:)?(svg|html)\b", re.DOTALL)
# Byte order marks, and spaces.
_BEFORE_TEXT = b"\xef\xbb\xbf\xff\xfe \t\r\n"


def sniff(data: Encoded, accepted: tuple[Format, ...]) -> Format:
    """Name the format of an encoded image.

    Args:
        data: the encoded image; at least one byte.
        accepted: formats that may be answered with.

    Raises:
        UndecodableError: `data` ends within the first bytes of an accepted format.
        UnsupportedTypeError: `data` is of no accepted format; the text says what it looks like.
    """
    head = bytes(data[:_HEAD])
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
    return UnsupportedTypeError(f"This looks like {what}; accepted are {', '.join(accepted)}.")


def _describe(data: Encoded) -> str:
    start = bytes(data[:_TEXT])
    if start.startswith(_GZIP) and _root(_gunzipped(start)) == b"svg":
        return "a compressed SVG drawing"
    for pattern, name in _OTHERS:
        if re.match(pattern, start[:_HEAD], re.DOTALL):
            return name
    return _describe_text(start)


def _gunzipped(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, _TEXT)
    except zlib.error:
        return b""


def _describe_text(start: bytes) -> str:
    if root := _root(start):
        return "an SVG drawing" if root == b"svg" else "an HTML page"
    encoding = "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(start)  # its last character may be cut
    except UnicodeDecodeError:
        return _UNKNOWN
    return "text" if all(c.isprintable() or c.isspace() for c in text) else _UNKNOWN


def _root(start: bytes) -> bytes | None:
    """The first element's name where that is svg or html, in any encoding once zero bytes are left out."""
    bare = start.replace(b"\0", b"").lstrip(_BEFORE_TEXT).lower()
    found = _ROOT.match(bare)
    return found[1] if found else None
