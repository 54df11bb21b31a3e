"""Any of Pillow's pixel modes to RGB, the last step of `decode` but one; and RGB to grey, for networks that want it."""

import numpy as np
from PIL import Image

from groupnl.images.placement import Pixels


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a decoded image to 8-bit RGB.

    Transparent images are laid over white: what stands behind transparent pixels is arbitrary (often black),
    white is what most viewers show. 16-bit grey keeps its upper byte, as Pillow does for 16-bit colour. Colour
    profiles are not applied, as in training.

    Args:
        image: of any mode that the accepted formats have.

    Returns:
        An image of mode RGB and the same size; `image` itself if it is one already.
    """
    if image.mode.startswith("I;16"):
        image = _upper_byte(image)
    if image.has_transparency_data:
        return _over_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def in_grey(pixels: Pixels) -> Pixels:
    """Bytes of shape (H, W, 3) to (H, W, 1): Pillow's grey, in which grey pixels stay as they are."""
    return np.array(Image.fromarray(pixels).convert("L"))[..., None]


def _upper_byte(image: Image.Image) -> Image.Image:
    """16-bit grey to 8-bit grey, with an alpha channel if one of its values stands for transparent."""
    samples = np.asarray(image)
    grey = Image.fromarray((samples >> 8).astype(np.uint8))
    transparent = image.info.get("transparency")
    if transparent is not None:
        grey.putalpha(Image.fromarray(np.where(samples == transparent, 0, 255).astype(np.uint8)))
    return grey


def _over_white(image: Image.Image) -> Image.Image:
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(rgba, mask=rgba)  # its alpha is the mask
    return white
