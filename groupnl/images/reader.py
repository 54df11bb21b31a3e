"""Encoded images to model input, the way of a request: as few pixels and passes as the input needs.

Within one level on average of `decode` and `Preprocess`, the reference: images much larger than the input are decoded
at a part of their size, torch resizes them, and only the crop is turned.
"""

import math
import threading
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from PIL.ImageFile import ImageFile
from torch import Tensor
from torch.nn import functional as F

from groupnl.card import InputConfig
from groupnl.errors import UndecodableError
from groupnl.images.colour import in_grey, to_rgb
from groupnl.images.decode import Opened, check_size, read_image
from groupnl.images.exif import orientation
from groupnl.images.limits import Encoded, Limits
from groupnl.images.placement import TURNS, UPRIGHT, Pixels, Size, Turn, choose_scale, excess, place, scaled_size
from groupnl.images.turbo import decode_turbo

# Images that hold more pixels in memory are decoded one at a time, whatever the number of threads: so what the largest
# accepted image needs bounds the memory that a worker needs.
LARGE = 12_500_000
_one_large = threading.Lock()
# Lest rounding a size down lose its last row; far below what the fixed-point weights tell apart.
_NUDGE = 1 + 1e-9


class Picture(NamedTuple):
    """A decoded image, not yet turned.

    Attributes:
        pixels: uint8 of shape (H, W, 3), RGB.
        size: of the image in the file.
        scale: 1, 2, 4 or 8: so many pixels of the file, in either direction, are one of `pixels`; the last row and
            column may stand for fewer.
        turn: what makes it upright.
    """

    pixels: Pixels
    size: Size
    scale: int
    turn: Turn


class Reader:
    """Reads images for one model; may be called from several threads.

    Args:
        config: of the model's input.
        limits: what one image may cost.
    """

    def __init__(self, config: InputConfig, limits: Limits) -> None:
        self._crop = config.size
        self._short_side = math.floor(config.size / config.crop_pct)
        self._interpolation = config.interpolation
        self._squash = config.crop_mode == "squash"
        self._is_grey = config.channels == 1
        self._limits = limits

    def __call__(self, data: Encoded) -> Tensor:
        """Make the model input of one encoded image: both steps below.

        Raises:
            InputError: see `decode`.
            MemoryError: see `decode`.
        """
        return self.fit(self.decode(data))

    def decode(self, data: Encoded) -> Picture:
        """Decode an encoded image, at a part of its size where that is enough for the input.

        Args:
            data: JPEG, PNG, WebP or BMP.

        Raises:
            InputError: what is wrong with the image; exactly as the reference's `groupnl.images.decode`.
            MemoryError: an accepted image, but this machine has no memory for it.
        """
        return read_image(data, self._limits, self._load)

    def take(self, data: Encoded, size: Size) -> Picture:
        """Take pixels that come as they are: the picture that a lossless file of them gives.

        Args:
            data: red, green and blue of each pixel, row by row.
            size: width and height.

        Raises:
            UndecodableError: there are no pixels, or other many bytes than they have.
            TooManyPixelsError: more pixels than the limits allow.
        """
        check_size(size, self._limits)
        width, height = size
        if len(data) != width * height * 3:
            wanted = width * height * 3
            raise UndecodableError(f"{width} x {height} pixels of 3 bytes are {wanted} bytes, not {len(data)}.")
        pixels = np.frombuffer(data, np.uint8).reshape(height, width, 3)
        scale = choose_scale(size, self._short_side)
        own = np.array(pixels if scale == 1 else Image.fromarray(pixels).reduce(scale))
        return Picture(own, size, scale, UPRIGHT)

    def fit(self, picture: Picture) -> Tensor:
        """Resize, crop and turn a decoded image.

        Returns:
            uint8 tensor of shape (3, size, size), values 0 to 255, with memory of its own in which a pixel's three
            values are neighbours (channels last). A grey input has three times the same, so that it can be corrupted
            as any other.
        """
        pixels, size = (picture.pixels, picture.size) if self._squash else _middle(picture)
        if self._is_grey:
            pixels = in_grey(pixels)
        scaled, left, top = place(size, picture.turn, self._short_side, self._crop, squash=self._squash)
        resized = pixels if scaled == size else self._resize(pixels, size, scaled, picture.scale)
        cropped = resized[top : top + self._crop, left : left + self._crop]
        turned = picture.turn.apply(cropped)
        own = np.array(np.broadcast_to(turned, (*turned.shape[:2], 3)), order="C")
        return torch.from_numpy(own).permute(2, 0, 1)

    def _load(self, opened: Opened) -> Picture:
        size, turn = opened.image.size, TURNS[orientation(opened.exif)]
        scale = choose_scale(size, self._short_side)
        with _one_large if _pixels_held(opened, scale) > LARGE else nullcontext():
            pixels = decode_turbo(opened, scaled_size(size, scale))
            if pixels is None:
                rgb = _decode_pillow(opened.image, scale)
                del opened  # may hold twice the pixels
                pixels = np.array(rgb if scale == 1 or rgb.size != size else rgb.reduce(scale))
        return Picture(pixels, size, scale, turn)

    def _resize(self, pixels: Pixels, size: Size, scaled: Size, scale: int) -> Pixels:
        """Resize the whole image to the size `scaled`; the result may have a row or column more.

        torch's antialiased resize of bytes follows Pillow's arithmetic (fixed-point weights, rows first, bytes in
        between) with vector instructions; single values differ by a level where the two round differently.
        """
        # Batched first, then permuted: torch looks at the batch's stride, and takes any other one for channels first.
        source = torch.from_numpy(np.ascontiguousarray(pixels))[None].permute(0, 3, 1, 2)
        # By factors of the file's size: the last row and column may stand for less than a whole pixel.
        factors = tuple(_NUDGE * scale * after / before for before, after in zip(size, scaled, strict=True))
        resized = F.interpolate(source, scale_factor=factors[::-1], mode=self._interpolation, antialias=True)
        array: Pixels = resized[0].permute(1, 2, 0).numpy()
        return array


def _middle(picture: Picture) -> tuple[Pixels, Size]:
    """Cut the ends off a very long image: its pixels, and its size in those of the file."""
    pixels, (width, height), scale, _ = picture
    ends = excess((width, height)) // scale
    if ends == 0:
        return pixels, (width, height)
    if height > width:
        return pixels[ends:-ends], (width, height - 2 * ends * scale)
    return pixels[:, ends:-ends], (width - 2 * ends * scale, height)


def _decode_pillow(image: ImageFile, scale: int) -> Image.Image:
    """Decode any image to RGB: a JPEG at a part of its size, others whole."""
    width, height = image.size
    image.draft(None, (width // scale, height // scale))  # of a JPEG; others take no notice
    image.load()
    return to_rgb(image)


def _pixels_held(opened: Opened, scale: int) -> int:
    """How many pixels are in memory while an image is decoded."""
    width, height = opened.image.size
    pixels = width * height
    # A JPEG of several scans is held as a whole until the last; one of a single scan comes row by row.
    one_scan = opened.jpeg is not None and opened.jpeg.scan_pixels <= pixels
    return pixels // scale**2 if one_scan else pixels
