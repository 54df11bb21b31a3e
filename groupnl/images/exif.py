"""Which way up is the picture? Reads one number from an EXIF block; used by `decode`.

Only this tag is read, and by our own few lines: Pillow's reader copies every tag's data, warns, and raises in
many ways on damaged blocks, which are common. Format: EXIF 2.32, section 4.6 (a TIFF file within the file).
"""

import struct

_ORIENTATION_TAG = 0x0112
_SHORT, _LONG = 3, 4  # the standard says SHORT; some writers use LONG
_ENTRY = 12  # bytes of a directory entry
UPRIGHT = 1


def orientation(exif: bytes) -> int:
    """Read the orientation tag.

    Args:
        exif: an EXIF block, with or without its "Exif" prefix; may be empty or damaged.

    Returns:
        1 to 8 as EXIF numbers them; 1 (upright) if there is no readable tag.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        return _search(tiff, order)
    except struct.error:
        return UPRIGHT


def _search(tiff: bytes, order: str) -> int:
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for entry in range(start + 2, start + 2 + count * _ENTRY, _ENTRY):
        tag, kind = struct.unpack_from(f"{order}HH", tiff, entry)
        if tag == _ORIENTATION_TAG:
            (value,) = struct.unpack_from(f"{order}{'I' if kind == _LONG else 'H'}", tiff, entry + 8)
            return int(value) if kind in (_SHORT, _LONG) and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT
