"""A photograph as a person sees it, by Pillow: upright, over white, in colours of 8 bits."""

import numpy as np
from PIL import Image, ImageOps

_DEEP = "I;16"  # how Pillow calls grey of 16 bits, whichever byte is first
_WHITE = 255


def as_seen(image: Image.Image) -> Image.Image:
    """The same picture in RGB.

    Args:
        image: as it was opened; of any mode.
    """
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(_DEEP):
        upright = _shallow(upright)
    if upright.has_transparency_data:
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright.convert("RGBA"))
    return upright.convert("RGB")


def _shallow(image: Image.Image) -> Image.Image:
    """Grey of 8 bits, the upper ones; what is transparent becomes white. Pillow itself would cut all above 255 off."""
    levels = np.asarray(image)
    grey = (levels >> 8).astype(np.uint8)
    return Image.fromarray(np.where(levels == image.info.get("transparency", -1), np.uint8(_WHITE), grey))
