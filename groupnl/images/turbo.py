"""The pixels of an ordinary JPEG by libjpeg-turbo itself: Pillow's way to an array costs two more copies.

It takes no damaged file: what is tolerated and what is an error stays Pillow's decision.
"""

import numpy as np
import simplejpeg  # type: ignore[import-untyped]

from groupnl.images.decode import Opened
from groupnl.images.placement import Pixels, Size

# Pillow's modes for one and for three components; CMYK is left to Pillow.
_MODES = ("L", "RGB")
# Above, copies are a small part, and a damaged file, which Pillow decodes again, would cost twice the time.
_MAX_SCAN_PIXELS = 12_500_000


def decode_turbo(opened: Opened, size: Size) -> Pixels | None:
    """Decode an ordinary, undamaged JPEG.

    Args:
        opened: any image.
        size: of the result: that of the image divided by 1, 2, 4 or 8, rounded up.

    Returns:
        uint8 of shape (H, W, 3), RGB, not turned; None where Pillow has to look at the image.

    Raises:
        MemoryError: this machine has no memory for it.
    """
    jpeg = opened.jpeg
    if jpeg is None or not jpeg.complete or jpeg.scan_pixels > _MAX_SCAN_PIXELS or opened.image.mode not in _MODES:
        return None
    width, height = size
    try:
        pixels = simplejpeg.decode_jpeg(jpeg.data, min_width=width, min_height=height, strict=True)
    except ValueError:  # damaged, or of a kind that it does not know
        return None
    except RuntimeError as error:  # it could not even begin
        raise MemoryError("there is no memory for a JPEG decoder") from error
    decoded: Pixels = np.asarray(pixels)
    return decoded if decoded.shape == (height, width, 3) else None
