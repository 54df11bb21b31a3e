"""A JPEG without what is not needed to decode it: the step of `decode` before Pillow sees a JPEG.

Pillow reads every segment of the header in Python, gathers EXIF by repeated copying, parses it, and looks for
more images behind the first. All of that can be made slow or large by a hostile file and none of it is needed,
so it is cut away here: the result holds tables, frame, scans and the two segments that say which colours the
components are. Format: ITU-T T.81, annex B.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from groupnl.errors import TooLargeError, UndecodableError, UnsupportedTypeError
from groupnl.images.limits import Encoded, Limits

_SOI = b"\xff\xd8"
_EOI, _SOS, _COM = 0xD9, 0xDA, 0xFE
_APP1 = 0xE1
_FRAMES = (0xC0, 0xC1, 0xC2)
# libjpeg decodes no hierarchical JPEG, and arithmetic-coded ones so slowly that 2 kB can cost 10 s.
_REFUSED_FRAMES = {
    0xC3: "lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF), "arithmetic-coded"),
}
_APPLICATION = range(0xE0, 0xF0)
_COLOUR = (0xE0, 0xEE)  # JFIF and Adobe
_Segment = tuple[int, int, int]  # marker, start, end
# Not a marker: a stuffed zero, a fill byte, and the markers without a segment (TEM, restarts, SOI).
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)


class StrippedJpeg(NamedTuple):
    """A JPEG cut down to what decoding needs.

    Attributes:
        data: the first image of the file.
        exif: its EXIF block; empty if there is none.
        scan_pixels: scans times pixels.
        complete: whether the marker is there that ends the image.
    """

    data: bytes
    exif: bytes
    scan_pixels: int
    complete: bool


def strip_jpeg(data: Encoded, limits: Limits) -> StrippedJpeg:
    """Cut a JPEG down to what decoding needs, counting on the way.

    Args:
        data: a file that starts as a JPEG does.
        limits: bounds on scans and segments.

    Raises:
        TooLargeError: more scans or segments than the limits allow.
        UnsupportedTypeError: arithmetic-coded, lossless or hierarchical.
        UndecodableError: there is no image data, or a segment is damaged.
    """
    segments = list(islice(_segments(data), limits.max_segments + 1))
    if len(segments) > limits.max_segments:
        raise TooLargeError(f"The JPEG has more than {limits.max_segments} segments.")
    _check_kind(segments)
    scans = [start for marker, start, _ in segments if marker == _SOS]
    if not scans:
        raise UndecodableError("The JPEG ends before its image data.")
    pixels = _pixels(segments, data)
    _check_scans(len(scans), pixels, limits)
    view = memoryview(data)
    header = [segment for segment in segments if segment[1] < scans[0]]
    kept = [view[start:end] for marker, start, end in header if _is_needed(marker)]
    complete = segments[-1][0] == _EOI
    image = view[scans[0] : segments[-1][2] if complete else len(data)]
    return StrippedJpeg(b"".join((_SOI, *kept, image)), _exif(data, header), len(scans) * pixels, complete)


def _segments(data: Encoded) -> Iterator[_Segment]:
    """Yield each segment, the end of the image included."""
    found = _MARKER.search(data, len(_SOI))
    while found:
        marker, start = data[found.start() + 1], found.start()
        if marker == _EOI:
            yield marker, start, start + 2
            return
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        end = start + 2 + length
        if end > len(data):
            return
        if length < 2:
            raise UndecodableError(f"The JPEG is damaged: segment {marker:02X} at byte {start}.")
        yield marker, start, end
        found = _MARKER.search(data, end)


def _check_kind(segments: Sequence[_Segment]) -> None:
    for marker, _, _ in segments:
        if marker in _REFUSED_FRAMES:
            kind = _REFUSED_FRAMES[marker]
            raise UnsupportedTypeError(f"The JPEG is {kind}; send a baseline or progressive JPEG.")


def _pixels(segments: Sequence[_Segment], data: Encoded) -> int:
    """Width times height of the largest frame; 0 if there is none."""
    sizes = [struct.unpack_from(">HH", data, start + 5) for marker, start, _ in segments if marker in _FRAMES]
    return max((width * height for height, width in sizes), default=0)


def _check_scans(scans: int, pixels: int, limits: Limits) -> None:
    # A single scan is bounded by the limit on pixels.
    if scans > 1 and scans * pixels > limits.max_scan_pixels:
        raise TooLargeError(
            f"The JPEG has {scans} scans of {pixels} pixels, {scans * pixels} in all; "
            f"at most {limits.max_scan_pixels} are accepted."
        )


def _is_needed(marker: int) -> bool:
    return marker in _COLOUR or not (marker in _APPLICATION or marker == _COM)


def _exif(data: Encoded, header: Sequence[_Segment]) -> bytes:
    for marker, start, end in header:
        if marker == _APP1 and data[start + 4 : start + 10] == b"Exif\0\0":
            return bytes(data[start + 4 : end])
    return b""
