"""A few hundred files that a service must survive, each with the answers that are right for it.

Everything is made from a seed, so that a failing case can be made again by its name.
"""

import functools
import io
import json
import random
import struct
import zipfile
import zlib
from typing import NamedTuple

from PIL import Image
from support.pictures import chunk, encode, good_pictures, raw_bmp, raw_png, scene

UNSUPPORTED = ((415, "unsupported_type"),)
UNDECODABLE = ((400, "undecodable"),)
TOO_MANY_PIXELS = ((413, "too_many_pixels"),)
TOO_LARGE = ((413, "too_large"),)
ANSWERED = ((200, None),)
# For a file with a flipped byte any of these may be right; a server error never is.
ANY = (*ANSWERED, *UNDECODABLE, *UNSUPPORTED, *TOO_MANY_PIXELS, *TOO_LARGE)


class Case(NamedTuple):
    """A request body, and the (status, error code) pairs of which one must come back."""

    name: str
    data: bytes
    expected: tuple[tuple[int, str | None], ...]


@functools.cache
def hostile_cases(seed: int = 0) -> tuple[Case, ...]:
    """Every case; about 600, 120 MB in all."""
    return (
        Case("empty", b"", ((400, "empty"),)),
        *_other_types(random.Random(seed)),
        *_magic_only(),
        *_truncated(),
        *_bombs(),
        *_slow_kinds(),
        *_huge_headers(),
        *_damaged_pngs(),
        *_damaged_jpegs(),
        *_damaged_webps(),
        *_damaged_bmps(),
        *_flipped(random.Random(seed + 1)),
        *_spliced(random.Random(seed + 2)),
    )


def _other_types(rng: random.Random) -> list[Case]:
    image = Image.fromarray(scene())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "a")
    bodies = {
        "text": b"just some text\n",
        "text-utf-8": "caf\u00e9 \u2603 ".encode() * 200,
        "text-utf-16": "hello".encode("utf-16"),
        "text-starting-as-bmp": b"BMW builds cars, and this is a text.",
        "json": json.dumps({"instances": [[1, 2, 3]]}).encode(),
        "html": b"<!DOCTYPE html><html><body>404</body></html>",
        "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        "xml-bomb": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        "gif": encode(image, "GIF"),
        "tiff": encode(image, "TIFF"),
        "tiff-big-endian": b"MM\0*" + bytes(100),
        "ico": encode(image, "ICO"),
        "ppm": encode(image, "PPM"),
        "tga": encode(image, "TGA"),
        "jpeg-2000": encode(image, "JPEG2000"),
        "avif": encode(image, "AVIF"),
        "heic": b"\0\0\0\x18ftypheic" + bytes(100),
        "mp4": b"\0\0\0\x18ftypisom" + bytes(100),
        "jpeg-xl": b"\xff\x0a" + bytes(100),
        "psd": b"8BPS" + bytes(100),
        "pdf": b"%PDF-1.7\n1 0 obj\n",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "zip": archive.getvalue(),
        "gzip": b"\x1f\x8b\x08" + bytes(100),
        "wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(100),
        "elf": b"\x7fELF" + bytes(100),
        "zeros": bytes(100_000),
        "zero": b"\0",
        "ones": b"\xff" * 100_000,
        "newline": b"\n",
        "pickle": b"\x80\x04\x95\x10\0\0\0\0\0\0\0",
        "leading-space": b" " + encode(image, "PNG"),
        "base64": b"data:image/png;base64,iVBORw0KGgo=",
        **{f"noise-{number}": b"\0" + rng.randbytes(4 ** (number + 1)) for number in range(8)},
    }
    return [Case(f"type-{name}", data, UNSUPPORTED) for name, data in bodies.items()]


def _magic_only() -> list[Case]:
    magics = {"jpeg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n", "webp": b"RIFF\0\0\0\0WEBP", "bmp": b"BM"}
    prefixes = [
        Case(f"magic-{name}-{length}", magic[:length], UNDECODABLE)
        for name, magic in magics.items()
        for length in range(1, len(magic) + 1)
    ]
    padded = [Case(f"magic-{name}-zeros", magic + bytes(1000), UNDECODABLE) for name, magic in magics.items()]
    # Two letters and no header size that BMP has: nothing speaks for an image.
    padded[-1] = padded[-1]._replace(expected=UNSUPPORTED)
    return [*prefixes, *padded]


def _truncated() -> list[Case]:
    shares = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    kinds = ("jpeg", "jpeg-progressive", "jpeg-cmyk", "png", "png-palette", "png-rgba-16", "png-interlaced")
    kinds += ("webp", "webp-lossless", "webp-alpha", "bmp", "bmp-palette")
    return [
        Case(f"cut-{picture.name}-{share}", picture.data[: int(len(picture.data) * share)], UNDECODABLE)
        for picture in good_pictures()
        if picture.name in kinds
        for share in shares
    ]


def _bombs() -> list[Case]:
    jpeg = encode(Image.new("RGB", (64, 64), "red"), "JPEG")
    frame = jpeg.index(b"\xff\xc0") + 5
    huge_jpeg = jpeg[:frame] + struct.pack(">HH", 65500, 65500) + jpeg[frame + 4 :]
    flat = zlib.compress(bytes(30001) * 1000, 9)
    deep = raw_png(10_000, 6000, 8, 2, bytes(30001) * 6000)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    wide = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", flat) + chunk(b"IEND", b"")
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16382).to_bytes(3, "little") * 2
    webp_extended = b"RIFF" + struct.pack("<I", 4 + len(canvas)) + b"WEBP" + canvas
    lossless = b"\x2f" + struct.pack("<I", 16383 | 16383 << 14) + bytes(20)
    webp_lossless = (
        b"RIFF" + struct.pack("<I", 12 + len(lossless)) + b"WEBPVP8L" + struct.pack("<I", len(lossless)) + lossless
    )
    bodies = {
        "png-60-megapixels": deep,
        "png-10-gigapixels": wide,
        "png-4-exapixels": raw_png(2**31 - 1, 2**31 - 1, 8, 2, b""),
        "png-thin": raw_png(1, 50_000_001, 8, 0, b""),
        "png-long-row": raw_png(45_000_000, 1, 16, 2, bytes(45_000_000 * 6 + 1)),
        "png-long-side": raw_png(65_536, 1, 8, 0, bytes(65_537)),
        "jpeg-4-gigapixels": huge_jpeg,
        "webp-canvas": webp_extended,
        "webp-lossless": webp_lossless,
        "bmp": raw_bmp(100_000, 100_000, 24, 0, bytes(100)),
        "bmp-2-billion": raw_bmp(2**31 - 1, 2**31 - 1, 24, 0, bytes(100)),
    }
    cases = [Case(f"bomb-{name}", data, TOO_MANY_PIXELS) for name, data in bodies.items()]
    # A damaged WebP may be found out before its size is known.
    cases[5:7] = [case._replace(expected=(*TOO_MANY_PIXELS, *UNDECODABLE)) for case in cases[5:7]]
    return [*cases, *_part_bombs()]


def _part_bombs() -> list[Case]:
    progressive = encode(Image.new("RGB", (512, 512), "grey"), "JPEG", progressive=True)
    last, end = progressive.rindex(b"\xff\xda"), progressive.rindex(b"\xff\xd9")
    scans = progressive[:end] + progressive[last:end] * 50_000 + progressive[end:]
    jpeg = encode(Image.new("RGB", (64, 64), "red"), "JPEG")
    pixels = bytes(301) * 100
    empty_chunks = raw_png(100, 100, 8, 2, pixels, chunk(b"tEXt", b"a\0b") * 100_000)
    bodies = {
        "jpeg-scans": scans,
        "jpeg-refinements": _refined_jpeg(b"\xc2", 7000, 21),
        "jpeg-comments": jpeg[:2] + b"\xff\xfe\0\2" * 1_000_000 + jpeg[2:],
        "jpeg-tables": jpeg[:2] + b"\xff\xdb\0\2" * 1_000_000 + jpeg[2:],
        "png-chunks": empty_chunks,
        "png-empty-data": raw_png(100, 100, 8, 2, pixels, chunk(b"IDAT", b"") * 100_000),
        "bytes": jpeg + bytes(16 * 1024 * 1024),
    }
    return [Case(f"bomb-{name}", data, TOO_LARGE) for name, data in bodies.items()]


def _slow_kinds() -> list[Case]:
    """Kinds of image whose decoding can take a long time for few bytes."""
    bodies = {
        "jpeg-arithmetic": _refined_jpeg(b"\xca", 3500, 99),
        "bmp-rle8": raw_bmp(1000, 1000, 8, 1, b"\0\0" * 1_000_000, bytes(1024)),
        "bmp-rle4": raw_bmp(100, 100, 4, 2, b"\0\2\0\0" * 500_000, bytes(64)),
    }
    return [Case(f"slow-{name}", data, UNSUPPORTED) for name, data in bodies.items()]


def _refined_jpeg(frame: bytes, side: int, scans: int) -> bytes:
    """A grey square of four components, in a first scan without data and others that refine it by nothing."""
    parts = b"".join(bytes((number, 0x11, 0)) for number in range(4))
    chosen = b"\4" + b"".join(bytes((number, 0)) for number in range(4))
    segments = [
        (b"\xdb", b"\0" + b"\1" * 64),
        (frame, struct.pack(">BHHB", 8, side, side, 4) + parts),
        (b"\xc4", b"\0\1" + bytes(15) + b"\0"),
        (b"\xda", chosen + b"\0\0\x0d"),
        *[(b"\xda", chosen + b"\0\0\xdc")] * (scans - 1),
    ]
    return b"\xff\xd8" + b"".join(b"\xff" + m + struct.pack(">H", len(d) + 2) + d for m, d in segments) + b"\xff\xd9"


def _huge_headers() -> list[Case]:
    jpeg = encode(Image.fromarray(scene()), "JPEG")
    png = encode(Image.fromarray(scene()), "PNG")
    full = 65_535
    segment = struct.pack(">H", full)
    entries = b"".join(struct.pack("<HHII", tag, 4, 3_000_000, 8) for tag in range(0x8000, 0x9000))
    overlapping = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 0x1000) + entries
    blocks = {
        "app1": b"\xff\xe1" + segment + b"Exif\0\0II*\0" + bytes(full - 12),
        "app2": b"\xff\xe2" + segment + b"ICC_PROFILE\0\1\xff" + bytes(full - 16),
        "app13": b"\xff\xed" + segment + b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\0" * 5458 + bytes(5),
        "comment": b"\xff\xfe" + segment + b"c" * (full - 2),
    }
    cases = [Case(f"header-jpeg-{name}", jpeg[:2] + block * 200 + jpeg[2:], ANSWERED) for name, block in blocks.items()]
    exif = b"\xff\xe1" + struct.pack(">H", len(overlapping) + 2) + overlapping
    text = chunk(b"tEXt", b"Comment\0" + b"t" * 15_000_000)
    international = chunk(b"iTXt", b"c\0\1\0\0\0" + zlib.compress(bytes(100_000_000)))
    return [
        *cases,
        Case("header-jpeg-overlapping-exif", jpeg[:2] + exif + blocks["app1"] * 100 + jpeg[2:], ANSWERED),
        Case("header-jpeg-fill-bytes", jpeg[:2] + b"\xff" * 10_000_000 + jpeg[2:], ANSWERED),
        Case("header-png-text", png[:33] + text + png[33:], ANSWERED),
        Case("header-png-text-bomb", png[:33] + international + png[33:], ANSWERED),
    ]


def _damaged_pngs() -> list[Case]:
    png = encode(Image.fromarray(scene()), "PNG")
    pixels = bytes(301) * 100
    signature, header, rest = png[:8], png[8:33], png[33:]
    bodies = {
        "checksum": png[:29] + b"\0\0\0\0" + png[33:],
        "no-header": signature + rest,
        "no-data": signature + header + chunk(b"IEND", b""),
        "no-end": png[:-12],
        "end-first": signature + chunk(b"IEND", b"") + header + rest,
        "chunk-length": signature + b"\xff\xff\xff\xff" + png[12:],
        "not-zlib": signature + header + chunk(b"IDAT", b"not zlib at all") + chunk(b"IEND", b""),
        "filter-type": raw_png(100, 100, 8, 2, b"\x77" + pixels[1:]),
        "depth-3": raw_png(100, 100, 3, 2, pixels),
        "depth-16-palette": raw_png(100, 100, 16, 3, pixels),
        "colour-type-5": raw_png(100, 100, 8, 5, pixels),
        "interlace-9": raw_png(100, 100, 8, 2, pixels, interlace=9),
        "width-0": raw_png(0, 100, 8, 2, pixels),
        "height-0": raw_png(100, 0, 8, 2, pixels),
        "short-header": signature + chunk(b"IHDR", b"\0\0\0\1") + rest,
    }
    strict = [Case(f"damaged-png-{name}", data, UNDECODABLE) for name, data in bodies.items()]
    lenient = {  # what a decoder makes of these is its own affair
        "too-few-rows": raw_png(100, 100, 8, 2, pixels[: 301 * 50]),
        "no-palette": raw_png(100, 100, 8, 3, bytes(101) * 100),
        "odd-palette": raw_png(100, 100, 8, 3, b"\0" + b"\7" * 100 + bytes(101) * 99, chunk(b"PLTE", b"abcd")),
        "long-palette": raw_png(100, 100, 8, 3, bytes(101) * 100, chunk(b"PLTE", b"abc" * 5000)),
        "transparency-too-long": raw_png(100, 100, 8, 2, pixels, chunk(b"tRNS", bytes(1000))),
        "transparency-empty": raw_png(100, 100, 8, 2, pixels, chunk(b"tRNS", b"")),
        "two-headers": signature + header + header + rest,
        "trailing": png + b"trailing" * 1000,
    }
    return [*strict, *(Case(f"odd-png-{name}", data, ANY) for name, data in lenient.items())]


def _damaged_jpegs() -> list[Case]:
    jpeg = encode(Image.fromarray(scene()), "JPEG")
    frame, scan = jpeg.index(b"\xff\xc0"), jpeg.index(b"\xff\xda")

    def patched(offset: int, value: bytes) -> bytes:
        return jpeg[: frame + offset] + value + jpeg[frame + offset + len(value) :]

    bodies = {
        "no-frame": jpeg[:2] + jpeg[scan:],
        "no-scan": jpeg[:scan] + b"\xff\xd9",
        "end-first": jpeg[:2] + b"\xff\xd9" + jpeg[2:],
        "2-components": patched(9, b"\2"),
        "9-components": patched(9, b"\x09"),
        "width-0": patched(7, b"\0\0"),
        "height-0": patched(5, b"\0\0"),
        "sampling-0": patched(11, b"\0"),
        "segment-length-0": jpeg[:2] + b"\xff\xe5\0\0" + jpeg[2:],
        "segment-length-1": jpeg[:2] + b"\xff\xfe\0\1" + jpeg[2:],
        "segment-past-the-end": jpeg[:2] + b"\xff\xe5\xff\xff" + jpeg[2:],
        "start-only": b"\xff\xd8" * 10,
        "text": b"\xff\xd8\xff" + b"text" * 1000,
    }
    strict = [Case(f"damaged-jpeg-{name}", data, UNDECODABLE) for name, data in bodies.items()]
    kinds = {"lossless": b"\xc3", "hierarchical": b"\xc5", "arithmetic": b"\xc9", "ls": b"\xf7"}
    refused = [Case(f"kind-jpeg-{name}", patched(1, marker), UNSUPPORTED) for name, marker in kinds.items()]
    refused.append(Case("kind-jpeg-12-bit", patched(4, b"\x0c"), UNSUPPORTED))
    return [*strict, *refused, Case("odd-jpeg-no-end", jpeg[:-2], ANY)]


def _damaged_webps() -> list[Case]:
    webp = encode(Image.fromarray(scene()), "WEBP")
    bodies = {
        "unknown-chunk": webp[:12] + b"XXXX" + webp[16:],
        "no-chunk": webp[:12],
        "size-0": webp[:26] + bytes(4) + webp[30:],
        "extended-only": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(10),
    }
    cases = [Case(f"damaged-webp-{name}", data, UNDECODABLE) for name, data in bodies.items()]
    return [*cases, Case("odd-webp-chunk-length", webp[:16] + b"\xff\xff\xff\xff" + webp[20:], ANY)]


def _damaged_bmps() -> list[Case]:
    data = bytes(300 * 100)
    bodies = {
        "bits-7": raw_bmp(100, 100, 7, 0, data),
        "compression-99": raw_bmp(100, 100, 24, 99, data),
        "bit-fields": raw_bmp(100, 100, 24, 3, data),
        "no-pixels": raw_bmp(100, 100, 24, 0, b""),
        "width-0": raw_bmp(0, 100, 24, 0, data),
        "height-0": raw_bmp(100, 0, 24, 0, data),
    }
    strict = [Case(f"damaged-bmp-{name}", body, UNDECODABLE) for name, body in bodies.items()]
    strict.append(Case("kind-bmp-jpeg", raw_bmp(100, 100, 0, 4, data), UNSUPPORTED))
    negative = raw_bmp(-100, 100, 24, 0, data)
    return [*strict, Case("odd-bmp-negative-width", negative, ANY)]


def _flipped(rng: random.Random) -> list[Case]:
    """Damage good files at a few random places each."""
    cases = []
    for picture in (picture for picture in good_pictures() if len(picture.data) < 100_000):
        for number in range(5):
            data = bytearray(picture.data)
            for _ in range(rng.choice((1, 4, 30))):
                data[rng.randrange(len(data))] = rng.randrange(256)
            cases.append(Case(f"flip-{picture.name}-{number}", bytes(data), ANY))
    return cases


def _spliced(rng: random.Random) -> list[Case]:
    """Join the start of one good file to the end of another."""
    pictures = [picture for picture in good_pictures() if len(picture.data) < 100_000]
    cases = []
    for number in range(60):
        first, second = rng.sample(pictures, 2)
        cut = rng.randrange(20, min(len(first.data), len(second.data)))
        name = f"splice-{number}-{first.name}-{second.name}"
        cases.append(Case(name, first.data[:cut] + second.data[cut:], ANY))
    return cases
