"""A PNG without what is not needed to decode it: the step of `decode` before Pillow sees a PNG.

Text, colour profiles and animation can be made slow or large to read by a hostile file, and none of it changes
the pixels that the model gets: of an animated PNG the still image is taken. Format: the PNG specification,
third edition, section 5.
"""

from collections.abc import Iterator
from itertools import islice

from groupnl.errors import TooLargeError, UndecodableError
from groupnl.images.limits import Encoded, Limits

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_AROUND = 12  # bytes of a chunk that are not its data: length, type, checksum


def strip_png(data: Encoded, limits: Limits) -> tuple[bytes, bytes]:
    """Cut a PNG down to what decoding needs.

    Args:
        data: a file that starts with the PNG signature.
        limits: bound on the number of chunks.

    Returns:
        The still image of the file, and its EXIF block (empty if there is none).

    Raises:
        TooLargeError: more chunks than the limit allows.
        UndecodableError: the file ends within a chunk or before the end chunk.
    """
    chunks = list(islice(_chunks(data), limits.max_segments + 1))
    if len(chunks) > limits.max_segments:
        raise TooLargeError(f"The PNG has more than {limits.max_segments} chunks.")
    view = memoryview(data)
    kept = [view[start:end] for name, start, end in chunks if name in _NEEDED]
    exif = next((data[start + 8 : end - 4] for name, start, end in chunks if name == b"eXIf"), b"")
    return b"".join((_SIGNATURE, *kept)), bytes(exif)


def _chunks(data: Encoded) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, end) of each chunk, the end chunk included."""
    start, name = len(_SIGNATURE), b""
    while name != b"IEND":
        name = bytes(data[start + 4 : start + 8])
        end = start + _AROUND + int.from_bytes(data[start : start + 4], "big")
        if end > len(data):
            raise UndecodableError(f"The PNG is cut short or damaged at byte {start}.")
        yield name, start, end
        start = end
