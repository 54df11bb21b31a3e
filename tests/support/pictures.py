"""Good images of every accepted kind, each with the pixels that must come out of it.

Used by the decoder's tests, the handler's tests and the tests against a running service.
"""

import functools
import io
import struct
import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

Pixels = npt.NDArray[np.uint8]


class Picture(NamedTuple):
    """An encoded image and its expected (H, W, 3) RGB pixels, to within `tolerance` levels on average."""

    name: str
    data: bytes
    pixels: Pixels
    tolerance: float


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    """Encode with Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def scene(width: int = 96, height: int = 64) -> Pixels:
    """Draw a smooth picture without any symmetry, so that a wrong turn or channel order shows."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x / (width - 1)
    green = 255 * y / (height - 1)
    blue = 127 + 127 * np.sin(x / 17 + y / 29)
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def chunk(name: bytes, data: bytes) -> bytes:
    """Frame one PNG chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def raw_png(
    width: int,
    height: int,
    depth: int,
    colour_type: int,
    rows: bytes,
    extra: bytes = b"",
    interlace: int = 0,
) -> bytes:
    """Write a PNG by hand: `rows` are the filtered scanlines, `extra` whole chunks before the image data."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlace)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def unfiltered(samples: npt.NDArray[np.generic]) -> bytes:
    """Scanlines of (H, ...) big-endian samples, each with filter type 0."""
    return b"".join(b"\0" + row.tobytes() for row in samples)


def raw_bmp(
    width: int, height: int, bits: int, compression: int, data: bytes, palette: bytes = b"", header: int = 40
) -> bytes:
    """Write a BMP by hand; of a header of more or less than 40 bytes the rest is zero or left out."""
    offset = 14 + header + len(palette)
    file_header = b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset)
    info = struct.pack(
        "<IiiHHIIiiII", header, width, height, 1, bits, compression, len(data), 0, 0, len(palette) // 4, 0
    )
    return file_header + info[:header].ljust(header, b"\0") + palette + data


def oriented(orientation: int, order: str = "<") -> bytes:
    """Make an EXIF block that holds nothing but the orientation."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0" + magic + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)


def _over_white(colour: Pixels, alpha: Pixels) -> Pixels:
    share = alpha[..., None] / 255
    return np.rint(colour * share + 255 * (1 - share)).astype(np.uint8)


def _grey(pixels: Pixels) -> Pixels:
    return np.repeat(pixels[..., None], 3, axis=-1)


@functools.cache
def good_pictures() -> tuple[Picture, ...]:
    """Every accepted kind of image."""
    return (*_jpegs(), *_turned(), *_pngs(), *_raw_pngs(), *_webps(), *_bmps())


def _jpegs() -> list[Picture]:
    pixels = scene()
    image = Image.fromarray(pixels)
    grey = image.convert("L")
    first, second = encode(image, "JPEG", quality=95), encode(grey, "JPEG", quality=95)
    return [
        Picture("jpeg", encode(image, "JPEG", quality=95), pixels, 3),
        Picture("jpeg-444", encode(image, "JPEG", quality=95, subsampling=0), pixels, 3),
        Picture("jpeg-progressive", encode(image, "JPEG", quality=95, progressive=True), pixels, 3),
        Picture("jpeg-restarts", encode(image, "JPEG", quality=95, restart_marker_blocks=1), pixels, 3),
        Picture("jpeg-grey", encode(grey, "JPEG", quality=95), _grey(np.asarray(grey)), 3),
        Picture("jpeg-cmyk", encode(image.convert("CMYK"), "JPEG", quality=95), pixels, 4),
        Picture("jpeg-ycck", _ycck(pixels), pixels, 4),
        Picture("jpeg-rgb", encode(image, "JPEG", quality=95, keep_rgb=True), pixels, 3),
        Picture("jpeg-comment", encode(image, "JPEG", quality=95, comment=b"\xff\xda" * 9000), pixels, 3),
        Picture("jpeg-two-images", first + second, pixels, 3),
        Picture("jpeg-motion-photo", first + b"\xff\xda\0\x04ab" * 1000, pixels, 3),
    ]


def _ycck(pixels: Pixels) -> bytes:
    """Luma and colour differences of the inks, and black: a CMYK file whose Adobe segment says so."""
    inks = Image.fromarray(255 - pixels).convert("YCbCr").split()
    black = Image.new("L", inks[0].size)
    data = bytearray(encode(Image.merge("CMYK", (*map(ImageChops.invert, inks), black)), "JPEG", quality=95))
    data[data.index(b"Adobe") + 11] = 2
    return bytes(data)


def _turned() -> list[Picture]:
    pixels = scene()
    image = Image.fromarray(pixels)
    turns = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: np.rot90(pixels, -1),
        7: np.rot90(pixels, 2).transpose(1, 0, 2),
        8: np.rot90(pixels),
    }
    pictures = [
        Picture(f"jpeg-exif-{number}", encode(image, "JPEG", quality=95, exif=oriented(number)), turned, 3)
        for number, turned in turns.items()
    ]
    big_endian = encode(image, "JPEG", quality=95, exif=oriented(6, ">"))
    broken = b"Exif\0\0II*\0" + b"\xff" * 40
    return [
        *pictures,
        Picture("jpeg-exif-big-endian", big_endian, turns[6], 3),
        Picture("jpeg-exif-broken", encode(image, "JPEG", quality=95, exif=broken), pixels, 3),
        Picture("jpeg-exif-99", encode(image, "JPEG", quality=95, exif=oriented(99)), pixels, 3),
        Picture("png-exif", encode(image, "PNG", exif=oriented(6)), turns[6], 0),
        Picture("webp-exif", encode(image, "WEBP", lossless=True, exif=oriented(8)), turns[8], 0),
    ]


def _pngs() -> list[Picture]:
    pixels = scene()
    image = Image.fromarray(pixels)
    grey, palette = image.convert("L"), image.quantize(64)
    alpha = np.ascontiguousarray(np.broadcast_to(pixels[:, :, 1:2], pixels.shape)[..., 0])
    rgba = Image.fromarray(np.dstack([pixels, alpha]))
    la = Image.fromarray(np.dstack([np.asarray(grey), alpha]))
    bits = grey.convert("1")
    return [
        Picture("png", encode(image, "PNG"), pixels, 0),
        Picture("png-grey", encode(grey, "PNG"), _grey(np.asarray(grey)), 0),
        Picture("png-1-bit", encode(bits, "PNG"), np.asarray(bits.convert("RGB")), 0),
        Picture("png-palette", encode(palette, "PNG"), np.asarray(palette.convert("RGB")), 0),
        Picture("png-palette-16", encode(image.quantize(16), "PNG", bits=4), pixels, 20),
        Picture("png-rgba", encode(rgba, "PNG"), _over_white(pixels, alpha), 1),
        Picture("png-la", encode(la, "PNG"), _over_white(_grey(np.asarray(grey)), alpha), 1),
        Picture("png-hidden", encode(Image.new("RGBA", (9, 9)), "PNG"), np.full((9, 9, 3), 255, np.uint8), 0),
        Picture("png-palette-alpha", *_palette_alpha(), 0),
        Picture("png-animated", encode(image, "PNG", save_all=True, append_images=[grey]), pixels, 0),
    ]


def _palette_alpha() -> tuple[bytes, Pixels]:
    image = Image.new("P", (16, 8), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (8, 0, 16, 8))
    expected = np.full((8, 16, 3), 255, np.uint8)
    expected[:, 8:] = (0, 0, 255)
    return encode(image, "PNG", transparency=0), expected


def _raw_pngs() -> list[Picture]:
    pixels = scene()
    height, width, _ = pixels.shape
    wide = (pixels.astype(">u2") << 8 | 0x12).astype(">u2")
    opaque = np.full((height, width, 1), 0xFFFF, ">u2")
    rgba16 = np.concatenate([wide, opaque], axis=-1).astype(">u2")
    grey16 = np.ascontiguousarray(wide[..., 0])
    key = chunk(b"tRNS", struct.pack(">HHH", *(int(value) for value in pixels[0, 0])))
    keyed = pixels.copy()
    keyed[0, 0] = 255
    short = zlib.compress(unfiltered(pixels))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pieces = b"".join(chunk(b"IDAT", short[start : start + 7]) for start in range(0, len(short), 7))
    split = b"\x89PNG\r\n\x1a\n" + header + pieces + chunk(b"IEND", b"")
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000)))
    profile = chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(50_000_000)))
    return [
        Picture("png-grey-16", raw_png(width, height, 16, 0, unfiltered(grey16)), _grey(pixels[..., 0]), 0),
        Picture("png-rgb-16", raw_png(width, height, 16, 2, unfiltered(wide)), pixels, 0),
        Picture("png-rgba-16", raw_png(width, height, 16, 6, unfiltered(rgba16)), pixels, 0),
        Picture("png-key", raw_png(width, height, 8, 2, unfiltered(pixels), key), keyed, 0),
        Picture("png-key-16", raw_png(width, height, 16, 2, unfiltered(wide), key), pixels, 0.1),
        Picture("png-many-parts", split, pixels, 0),
        Picture("png-text-bomb", raw_png(width, height, 8, 2, unfiltered(pixels), text), pixels, 0),
        Picture("png-profile-bomb", raw_png(width, height, 8, 2, unfiltered(pixels), profile), pixels, 0),
        Picture("png-interlaced", raw_png(width, height, 8, 2, _adam7(pixels), interlace=1), pixels, 0),
    ]


def _adam7(pixels: Pixels) -> bytes:
    passes = ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1))
    return b"".join(
        unfiltered(np.ascontiguousarray(pixels[top::down, left::right])) for top, down, left, right in passes
    )


def _webps() -> list[Picture]:
    pixels = scene()
    image = Image.fromarray(pixels)
    alpha = np.ascontiguousarray(pixels[..., 1])
    rgba = Image.fromarray(np.dstack([pixels, alpha]))
    exact = encode(rgba, "WEBP", lossless=True, exact=True)
    moving = encode(image, "WEBP", lossless=True, save_all=True, append_images=[image.convert("L")])
    return [
        Picture("webp", encode(image, "WEBP", quality=95), pixels, 4),
        Picture("webp-lossless", encode(image, "WEBP", lossless=True), pixels, 0),
        Picture("webp-alpha", exact, _over_white(pixels, alpha), 1),
        Picture("webp-animated", moving, pixels, 0),
        Picture("webp-animated-part", _in_a_corner(image), _with_a_corner_free(pixels), 0),
    ]


def _in_a_corner(image: Image.Image) -> bytes:
    """An opaque animation without a word of transparency, whose only frame leaves 4 columns and 2 rows free."""
    width, height = image.size
    frame = encode(image.crop((4, 2, width, height)), "WEBP", lossless=True)[12:]
    place = [4 // 2, 2 // 2, width - 4 - 1, height - 2 - 1, 100]
    parts = (
        (b"VP8X", b"\x02\0\0\0" + _three(width - 1) + _three(height - 1)),
        (b"ANIM", b"\0\0\0\xff\0\0"),
        (b"ANMF", b"".join(map(_three, place)) + b"\x02" + frame),
    )
    body = b"WEBP" + b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _with_a_corner_free(pixels: Pixels) -> Pixels:
    free = np.full_like(pixels, 255)
    free[2:, 4:] = pixels[2:, 4:]
    return free


def _bmps() -> list[Picture]:
    pixels = scene()
    image = Image.fromarray(pixels)
    grey, bits = image.convert("L"), image.convert("1")
    palette = image.quantize(64)
    # Pillow takes these palettes for other depths' samples.
    two = (pixels[..., 0] > 127).astype(np.uint8)
    black_and_white = bytes((0, 0, 0, 0, 255, 255, 255, 0))
    two_colours = raw_bmp(96, 64, 8, 0, two[::-1].tobytes(), black_and_white)
    dark = pixels[..., 0] // 16
    halves = (dark[::-1, ::2] << 4 | dark[::-1, 1::2]).tobytes()
    ramp = bytes(value for level in range(16) for value in (level, level, level, 0))
    top_down = raw_bmp(96, -64, 24, 0, pixels[..., ::-1].tobytes())
    return [
        Picture("bmp", encode(image, "BMP"), pixels, 0),
        Picture("bmp-grey", encode(grey, "BMP"), _grey(np.asarray(grey)), 0),
        Picture("bmp-1-bit", encode(bits, "BMP"), np.asarray(bits.convert("RGB")), 0),
        Picture("bmp-palette", encode(palette, "BMP"), np.asarray(palette.convert("RGB")), 0),
        Picture("bmp-8-bit-black-and-white", two_colours, _grey(two * 255), 0),
        Picture("bmp-4-bit-dark", raw_bmp(96, 64, 4, 0, halves, ramp), _grey(dark), 0),
        Picture("bmp-top-down", top_down, pixels, 0),
        *_bmp_variants(pixels),
    ]


def _bmp_variants(pixels: Pixels) -> list[Picture]:
    """Headers of OS/2, and bit fields, with alpha too."""
    height, width, _ = pixels.shape
    rows = pixels[::-1, :, ::-1].tobytes()
    core = b"BM" + struct.pack("<IHHIIHHHH", 26 + len(rows), 0, 0, 26, 12, width, height, 1, 24)
    five = pixels >> 3
    packed = (five.astype("<u2") << np.array([10, 5, 0], "<u2")).sum(axis=-1, dtype="<u2")[::-1].tobytes()
    fields = struct.pack("<III", 0x7C00, 0x3E0, 0x1F)
    alpha = pixels[..., 1]
    bgra = np.dstack([pixels[..., ::-1], alpha])[::-1].tobytes()
    with_alpha = bytearray(raw_bmp(width, height, 32, 3, bgra, header=124))
    struct.pack_into("<IIII", with_alpha, 54, 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    return [
        Picture("bmp-os2-1", core + rows, pixels, 0),
        Picture("bmp-os2-2", raw_bmp(width, height, 24, 0, rows, header=64), pixels, 0),
        Picture("bmp-5-5-5", raw_bmp(width, height, 16, 3, packed, fields), (five.astype(int) * 255 // 31), 0.5),
        Picture("bmp-alpha", bytes(with_alpha), _over_white(pixels, alpha), 1),
    ]
