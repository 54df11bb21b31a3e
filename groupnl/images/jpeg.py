"""A JPEG without what is not needed to decode it: the step of `decode` before Pillow sees a JPEG.

Pillow reads every segment of the header in Python, gathers EXIF by repeated copying, parses it, and looks for
more images behind the first. All of that can be made slow or large by a hostile file and none of it is needed,
so it is cut away here: the result holds tables, frame, scans and the two segments that say which colours the
components are. Format: ITU-T T.81, annex B.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import NamedTuple

from groupnl.errors import TooLargeError, UndecodableError, UnsupportedTypeError
from groupnl.images.limits import Encoded, Limits

_SOI = b"\xff\xd8"
_EOI, _SOS, _COM = 0xD9, 0xDA, 0xFE
_APP1 = 0xE1
_FRAMES = (0xC0, 0xC1, 0xC2)
# libjpeg decodes no hierarchical JPEG, and arithmetic-coded ones so slowly that 2 kB can cost 10 s.
_REFUSED_FRAMES = {
    0xC3: "is lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xDE), "is hierarchical"),
    **dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF), "is arithmetic-coded"),
    0xF7: "is a JPEG-LS",
}
_DNL = 0xDC
_COMPONENTS = (1, 3, 4)
_APPLICATION = range(0xE0, 0xF0)
_COLOUR = (0xE0, 0xEE)  # JFIF and Adobe
_FRAME = struct.Struct(">HBHHB")
Segment = tuple[int, int, int]  # marker, start, end
# Not a marker: a stuffed zero, a fill byte, and the markers without a segment (TEM, restarts, SOI).
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)


class _Frame(NamedTuple):
    """What stands first in a frame's header."""

    length: int
    bits: int
    height: int
    width: int
    components: int


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
        UnsupportedTypeError: of a kind that is not read.
        UndecodableError: there is no image data, or a segment is damaged.
    """
    segments = list(islice(segments_of(data), limits.max_segments + 1))
    if len(segments) > limits.max_segments:
        raise TooLargeError(f"The JPEG has more than {limits.max_segments} segments.")
    header = list(takewhile(lambda segment: segment[0] != _SOS, segments))
    frames = [_Frame(*_FRAME.unpack_from(data, start + 2)) for marker, start, _ in segments if marker in _FRAMES]
    height_follows = any(marker == _DNL for marker, _, _ in segments)
    _check_kind([marker for marker, _, _ in header], frames, height_follows)
    scans = [start for marker, start, _ in segments if marker == _SOS]
    if not scans:
        raise UndecodableError("The JPEG ends before its image data.")
    pixels = max((frame.width * frame.height for frame in frames), default=0)
    _check_scans(len(scans), pixels, limits)
    view = memoryview(data)
    kept = [view[start:end] for marker, start, end in header if _is_needed(marker)]
    complete = segments[-1][0] == _EOI
    image = view[scans[0] : segments[-1][2] if complete else len(data)]
    return StrippedJpeg(b"".join((_SOI, *kept, image)), _exif(data, header), len(scans) * pixels, complete)


def segments_of(data: Encoded) -> Iterator[Segment]:
    """Yield marker, start and end of each segment, the end of the image included.

    Raises:
        UndecodableError: a segment is damaged.
    """
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


def _check_kind(header: Sequence[int], frames: Sequence[_Frame], height_follows: bool) -> None:
    kinds = [_REFUSED_FRAMES.get(marker) for marker in header]
    kinds += [_refused(frame, height_follows) for frame in frames[:1]]
    for kind in filter(None, kinds):
        raise UnsupportedTypeError(f"The JPEG {kind}; save it as a baseline or progressive JPEG of 8 bits a sample.")


def _refused(frame: _Frame, height_follows: bool) -> str | None:
    if frame.bits == 12:
        return "has 12 bits a sample"
    if frame.length == 8 + 3 * frame.components and frame.components not in (0, *_COMPONENTS):
        return f"has {frame.components} components"
    return "tells its height only after its first scan" if frame.height == 0 and height_follows else None


def _check_scans(scans: int, pixels: int, limits: Limits) -> None:
    # A single scan is bounded by the limit on pixels.
    if scans > 1 and scans * pixels > limits.max_scan_pixels:
        raise TooLargeError(
            f"The JPEG has {scans} scans of {pixels} pixels, {scans * pixels} in all; "
            f"at most {limits.max_scan_pixels} are accepted."
        )


def _is_needed(marker: int) -> bool:
    return marker in _COLOUR or not (marker in _APPLICATION or marker == _COM)


def _exif(data: Encoded, header: Sequence[Segment]) -> bytes:
    for marker, start, end in header:
        if marker == _APP1 and data[start + 4 : start + 10] == b"Exif\0\0":
            return bytes(data[start + 4 : end])
    return b""
