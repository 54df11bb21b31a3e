"""Whole files of a kind that is not read: refused by its name; damaged ones are called damaged."""

import bz2
import gzip
import io
import lzma
import re
import struct
import zlib

import pytest
from PIL import Image
from support.pictures import chunk, encode, raw_bmp, raw_png, scene

from groupnl.errors import UndecodableError, UnsupportedTypeError
from groupnl.images import Limits, decode
from groupnl.training.images import as_served

IMAGE = Image.fromarray(scene())
JPEG = encode(IMAGE, "JPEG")
GREY = IMAGE.convert("L")
GREY_JPEG = encode(GREY, "JPEG")
ROWS = bytes(96 * 64 * 4)
SVG = '<?xml version="1.0" encoding="UTF-8"?><!-- \u00e9 --><svg xmlns="http://www.w3.org/2000/svg"/>'


def frame(marker: int, bits: int = 8) -> bytes:
    """A JPEG whose frame header says something else."""
    place = JPEG.index(b"\xff\xc0")
    return JPEG[: place + 1] + bytes((marker,)) + JPEG[place + 2 : place + 4] + bytes((bits,)) + JPEG[place + 5 :]


def hierarchical() -> bytes:
    """As T.81 has it: what is to come stands before the first frame, which is an ordinary one."""
    place = JPEG.index(b"\xff\xc0")
    length = 2 + int.from_bytes(JPEG[place + 2 : place + 4], "big")
    return JPEG[:place] + b"\xff\xde" + JPEG[place + 2 : place + length] + JPEG[place:]


def two_components() -> bytes:
    place = GREY_JPEG.index(b"\xff\xc0")
    header = GREY_JPEG[place + 4 : place + 9] + b"\2" + GREY_JPEG[place + 10 : place + 13] + b"\2\x11\0"
    return GREY_JPEG[:place] + b"\xff\xc0" + struct.pack(">H", 2 + len(header)) + header + GREY_JPEG[place + 13 :]


def height_later() -> bytes:
    place = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:place] + b"\0\0" + JPEG[place + 2 : -2] + b"\xff\xdc\0\4" + JPEG[place : place + 2] + JPEG[-2:]


def fields(bits: int, *masks: int) -> bytes:
    """A BMP of these bit fields."""
    data = bytearray(raw_bmp(96, 64, bits, 3, ROWS, header=124))
    struct.pack_into(f"<{len(masks)}I", data, 54, *masks)
    return bytes(data)


def box(*brands: bytes) -> bytes:
    """The beginning of a file of the MPEG-4 family."""
    first, *others = brands
    content = b"ftyp" + first + bytes(4) + b"".join(others)
    return struct.pack(">I", 4 + len(content)) + content + b"\0\0\0\x08mdat" + bytes(300)


def apple_png() -> bytes:
    png = raw_png(96, 64, 8, 6, bytes((96 * 4 + 1) * 64))
    return png[:8] + chunk(b"CgBI", b"\x50\0\x20\2") + png[8:]


JPEGS = {
    "arithmetic": (frame(0xC9), "is arithmetic-coded"),
    "arithmetic-progressive": (frame(0xCA), "is arithmetic-coded"),
    "lossless": (frame(0xC3), "is lossless"),
    "lossless-16-bit": (frame(0xC3, 16), "is lossless"),
    "hierarchical": (hierarchical(), "is hierarchical"),
    "ls": (frame(0xF7), "is a JPEG-LS"),
    "12-bit": (frame(0xC1, 12), "has 12 bits a sample"),
    "12-bit-progressive": (frame(0xC2, 12), "has 12 bits a sample"),
    "2-components": (two_components(), "has 2 components"),
    "height-later": (height_later(), "tells its height only after its first scan"),
}
BMPS = {
    "rle8": (raw_bmp(96, 64, 8, 1, ROWS, bytes(1024)), "is run-length encoded"),
    "rle4": (raw_bmp(96, 64, 4, 2, ROWS, bytes(64)), "is run-length encoded"),
    "rle24": (raw_bmp(96, 64, 24, 4, ROWS, header=64), "is run-length encoded"),
    "huffman": (raw_bmp(96, 64, 1, 3, ROWS, bytes(8), header=64), "is Huffman-coded"),
    "jpeg": (raw_bmp(96, 64, 0, 4, JPEG), "holds a JPEG"),
    "png": (raw_bmp(96, 64, 0, 5, encode(IMAGE, "PNG")), "holds a PNG"),
    "cmyk": (raw_bmp(96, 64, 32, 11, ROWS), "has CMYK colours"),
    "alpha-fields": (raw_bmp(96, 64, 32, 6, ROWS), "has bit fields with alpha"),
    "2-bit": (raw_bmp(96, 64, 2, 0, ROWS, bytes(16)), "has 2 bits a pixel"),
    "64-bit": (raw_bmp(96, 64, 64, 0, ROWS * 2), "has 64 bits a pixel"),
    "short-header": (raw_bmp(96, 64, 24, 0, ROWS, header=16), "has a short header of OS/2"),
    "4-4-4": (fields(16, 0xF00, 0xF0, 0xF), "has bit fields of a kind that is not read (4-4-4)"),
    "4-4-4-4": (fields(16, 0xF00, 0xF0, 0xF, 0xF000), "has bit fields of a kind that is not read (4-4-4-4)"),
    "5-5-5-1": (fields(16, 0x7C00, 0x3E0, 0x1F, 0x8000), "has bit fields of a kind that is not read (5-5-5-1)"),
    "10-10-10-2": (
        fields(32, 0x3FF, 0xFFC00, 0x3FF00000, 0xC0000000),
        "has bit fields of a kind that is not read (10-10-10-2)",
    ),
}
OTHERS = {
    "gif": (encode(IMAGE, "GIF"), "a GIF image"),
    "tiff": (encode(IMAGE, "TIFF"), "a TIFF image"),
    "tiff-big": (b"MM\0+\0\x08\0\0" + bytes(100), "a TIFF image"),
    "avif": (encode(IMAGE, "AVIF"), "an AVIF image"),
    "avif-sequence": (encode(IMAGE, "AVIF", save_all=True, append_images=[IMAGE.rotate(9)]), "an AVIF image"),
    "avis": (box(b"avis", b"msf1", b"iso8"), "an AVIF image"),
    "mif1-avif": (box(b"mif1", b"miaf", b"avif"), "an AVIF image"),
    **{f"heic-{brand}": (box(brand.encode()), "a HEIC image") for brand in ("heic", "heix", "heim", "hevc", "hevx")},
    "mif1-heic": (box(b"mif1", b"heic"), "a HEIC image"),
    "msf1-hevc": (box(b"msf1", b"hevc", b"iso8"), "a HEIC image"),
    "mif1": (box(b"mif1"), "a HEIF image"),
    "msf1": (box(b"msf1"), "a HEIF image"),
    **{
        f"heif-{brand}": (box(brand.encode()), "a HEIF image")
        for brand in ("mif2", "miaf", "avci", "avcs", "vvic", "vvis", "jpeg", "jpgs", "j2ki", "j2is")
    },
    "jpeg-2000": (encode(IMAGE, "JPEG2000"), "a JPEG 2000 image"),
    "jpeg-2000-codestream": (encode(IMAGE, "JPEG2000", no_jp2=True), "a JPEG 2000 image"),
    "jpeg-xl": (b"\xff\x0a" + bytes(100), "a JPEG XL image"),
    "jpeg-xl-container": (b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"jxl "), "a JPEG XL image"),
    "jpeg-xr": (b"II\xbc\x01" + bytes(100), "a JPEG XR image"),
    "mng": (b"\x8aMNG\r\n\x1a\n" + bytes(100), "an MNG animation"),
    "jng": (b"\x8bJNG\r\n\x1a\n" + bytes(100), "a JNG image"),
    "ico": (encode(IMAGE, "ICO"), "an ICO icon"),
    "cursor": (b"\0\0\2\0\1\0" + bytes(100), "a mouse cursor"),
    "bitmap-array": (b"BA" + bytes(12) + raw_bmp(4, 4, 24, 0, bytes(48)), "an array of OS/2 bitmaps"),
    "ppm": (encode(IMAGE, "PPM"), "a PNM image"),
    "dicom": (bytes(128) + b"DICM" + bytes(100), "a DICOM image"),
    "pam": (b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 3\nMAXVAL 255\nENDHDR\n" + bytes(12), "a PNM image"),
    "ppm-comments": (b"P6 # drawn\n# by hand\n2 # wide\n2 255 " + bytes(12), "a PNM image"),
    "pfm": (encode(IMAGE.convert("F"), "PPM"), "a PNM image"),
    "hdr": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 2\n" + bytes(16), "a Radiance HDR image"),
    "dds": (encode(IMAGE, "DDS"), "a DDS image"),
    "fits": (b"SIMPLE  =                    T".ljust(2880), "a FITS image"),
    "nifti": (struct.pack("<I", 348) + bytes(340) + b"n+1\0" + bytes(99), "a NIfTI image"),
    "nifti-2": (struct.pack("<I", 540) + b"n+2\0\r\n\x1a\n" + bytes(600), "a NIfTI image"),
    "icns": (encode(IMAGE, "ICNS"), "an ICNS icon"),
    "tga": (encode(IMAGE, "TGA"), "a TGA image"),
    "tga-rle-grey": (encode(GREY, "TGA", compression="tga_rle"), "a TGA image"),
    "tga-palette": (encode(IMAGE.quantize(64), "TGA"), "a TGA image"),
    "pcx": (encode(IMAGE, "PCX"), "a PCX image"),
    "jpeg-xs": (b"\xff\x10\xff\x50" + bytes(100), "a JPEG XS image"),
    "djvu": (b"AT&TFORM" + bytes(100), "a DjVu document"),
    "wmf": (b"\xd7\xcd\xc6\x9a" + bytes(100), "a Windows metafile"),
    "emf": (b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(100), "a Windows metafile"),
    "animated-cursor": (b"RIFF\0\1\0\0ACONanih" + bytes(100), "a mouse cursor"),
    "psd": (b"8BPS\0\1" + bytes(100), "a Photoshop file"),
    "pdf": (encode(IMAGE, "PDF"), "a PDF document"),
    "eps": (encode(IMAGE, "EPS"), "a PostScript file"),
    "raw": (box(b"crx ", b"isom"), "a raw photograph"),
    "raw-canon": (b"II*\0\x10\0\0\0CR\2\0" + bytes(100), "a raw photograph"),
    **{f"video-{brand}": (box(brand.encode(), b"mp41"), "a video") for brand in ("isom", "mp42", "qt  ", "M4V ")},
    "webm": (b"\x1a\x45\xdf\xa3" + bytes(100), "a video"),
    "avi": (b"RIFF\0\1\0\0AVI LIST" + bytes(100), "a video"),
    "mov-wide": (struct.pack(">I", 8) + b"wide" + bytes(100), "a video"),
    "wmv": (b"\x30\x26\xb2\x75" + bytes(100), "a video"),
    "ogv": (b"OggS" + bytes(24) + b"\x80theora" + bytes(100), "a video"),
    "transport-stream": ((b"G" + bytes(187)) * 4, "a video"),
    "ogg": (b"OggS" + bytes(24) + b"\1vorbis" + bytes(100), "a sound"),
    "mp3": (b"\xff\xfb\x90\x44" + bytes(100), "a sound"),
    "wav": (b"RIFF\0\1\0\0WAVEfmt " + bytes(100), "a sound"),
    "m4a": (box(b"M4A ", b"isom"), "a sound"),
    "svg": (SVG.encode(), "an SVG drawing"),
    "svg-utf-8-mark": (SVG.encode("utf-8-sig"), "an SVG drawing"),
    "svg-utf-16-little": (b"\xff\xfe" + SVG.encode("utf-16-le"), "an SVG drawing"),
    "svg-utf-16-big": (b"\xfe\xff" + SVG.encode("utf-16-be"), "an SVG drawing"),
    "svg-latin-1": (SVG.encode("latin-1"), "an SVG drawing"),
    "svg-prefix": (b'\n<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    "svg-after-a-comment": (b"<!--" + b" licence" * 300 + b"-->" + SVG.encode(), "an SVG drawing"),
    "svg-compressed": (gzip.compress(SVG.encode() + bytes(10_000)), "a compressed SVG drawing"),
    "gzip": (gzip.compress(b"text" * 100), "a gzip archive"),
    "zip-empty": (b"PK\5\6" + bytes(18), "a ZIP archive"),
    "tar": (bytes(257) + b"ustar\x0000" + bytes(248), "a tar archive"),
    "bzip2": (bz2.compress(b"text" * 100), "a compressed archive"),
    "xz": (lzma.compress(b"text" * 100), "a compressed archive"),
    "npy": (b"\x93NUMPY\1\0v\0" + bytes(200), "a NumPy array"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
    "exe": (b"MZ\x90\0\3\0\0\0" + bytes(100), "a program"),
    "form": (b"--x\r\nContent-Disposition: form-data\r\n\r\n" + JPEG, "a form that is not declared as one"),
    "xml-about-svg": (b'<?xml version="1.0"?><note>see <svg/></note>', "text"),
    "xml-comments": (b"<!---->" * 500, "text"),
    "html-with-svg": (b"<!DOCTYPE html><html><svg/></html>", "an HTML page"),
    "html-mark": (b"\xef\xbb\xbf<html></html>", "an HTML page"),
    "text-mark": (b"\xef\xbb\xbfabout <svg>", "text"),
    "text-utf-16": ("about images".encode("utf-16"), "text"),
}
CAUSES = {
    **{
        f"jpeg-{name}": (data, f"The JPEG {kind}; save it as a baseline or progressive JPEG of 8 bits a sample.")
        for name, (data, kind) in JPEGS.items()
    },
    **{
        f"bmp-{name}": (data, f"The BMP {kind}; save it uncompressed with 24 bits a pixel, or as PNG.")
        for name, (data, kind) in BMPS.items()
    },
    "png-apple": (apple_png(), "The PNG is of Apple's own kind (CgBI); save it as a standard PNG."),
    **{
        name: (data, f"This looks like {what}; accepted are JPEG, PNG, WEBP, BMP.")
        for name, (data, what) in OTHERS.items()
    },
}
DAMAGED = {
    "jpeg-9-bit": frame(0xC1, 9),
    "jpeg-no-height": frame(0xC0).replace(JPEG[JPEG.index(b"\xff\xc0") + 5 :][:2], b"\0\0", 1),
    "bmp-no-header": b"BM" + bytes(4),
    "bmp-cut-header": raw_bmp(96, 64, 16, 3, b"")[:50],
    "bmp-overlapping-fields": fields(16, 0xF00, 0xFF0, 0xF),
    "bmp-no-fields": fields(16, 0, 0, 0),
    "bmp-fields-past-the-pixel": fields(16, 0xF0000, 0xF0, 0xF),
    "bmp-compression-7": raw_bmp(96, 64, 24, 7, ROWS),
    "bmp-3-bit": raw_bmp(96, 64, 3, 0, ROWS),
    "bmp-cut": raw_bmp(96, 64, 24, 0, ROWS[:5000]),
    "png-5-bit": raw_png(96, 64, 5, 0, ROWS),
    "png-raw-deflate": raw_png(96, 64, 8, 6, b"").replace(zlib.compress(b""), b"\3\0" * 4),
    "png-short-transparency": raw_png(96, 64, 16, 2, ROWS, chunk(b"tRNS", bytes(5))),
    "webp-cut": encode(IMAGE, "WEBP")[:300],
}


@pytest.mark.parametrize("name", CAUSES)
def test_a_kind_that_is_not_read_is_refused_by_its_name(name: str) -> None:
    data, sentence = CAUSES[name]
    with pytest.raises(UnsupportedTypeError) as caught:
        decode(data, Limits())
    assert str(caught.value) == sentence
    assert caught.value.status == 415


@pytest.mark.parametrize("name", BMPS)
def test_training_refuses_the_same_bmps(name: str) -> None:
    data, kind = BMPS[name]
    with pytest.raises(UnsupportedTypeError, match=re.escape(kind)), Image.open(io.BytesIO(data)) as image:
        as_served(image)


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_called_damaged(name: str) -> None:
    with pytest.raises(UndecodableError, match=r"cut short|damaged|ends before") as caught:
        decode(DAMAGED[name], Limits())
    assert caught.value.status == 400


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_cut_file_is_of_no_other_kind(form: str, share: float) -> None:
    data = encode(IMAGE, form)
    with pytest.raises(UndecodableError):
        decode(data[: int(share * len(data))], Limits())
