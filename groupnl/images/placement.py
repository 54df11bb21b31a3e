"""Where the model's input lies in an image as it is stored, in numbers: a resize, a crop and a turn.

The numbers are those of `Preprocess`, which turns first; here the turn comes last, so that only the crop is turned.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Size = tuple[int, int]  # width, height
# Of an image longer than this many times its width only the middle is resized: the rest is cropped away
# anyway, and resizing all of a 1 x 50,000,000 image to 256 pixels' width would need terabytes.
MAX_ASPECT = 8
_SCALES = (8, 4, 2)
# The shorter side of an image at a part of its size is at least this many times that of the resized one. Then the input
# differs by 0.1 levels on average and 0.25 for the most detailed textures. At 2.5 it would be 0.5 for those, and 0.7 %
# of line drawings would get another class.
_SPARE = 5


class Turn(NamedTuple):
    """How a stored image is made upright: mirrored, then its axes exchanged.

    Attributes:
        flip_x: mirror left and right.
        flip_y: mirror top and bottom.
        swap: then exchange rows and columns.
    """

    flip_x: bool = False
    flip_y: bool = False
    swap: bool = False

    def apply(self, pixels: Pixels) -> Pixels:
        """Turn an (H, W, 3) array; the result shares its memory."""
        mirrored = pixels[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return mirrored.transpose(1, 0, 2) if self.swap else mirrored


UPRIGHT = Turn()
TURNS = {  # by EXIF orientation
    1: UPRIGHT,
    2: Turn(flip_x=True),
    3: Turn(flip_x=True, flip_y=True),
    4: Turn(flip_y=True),
    5: Turn(swap=True),
    6: Turn(flip_y=True, swap=True),
    7: Turn(flip_x=True, flip_y=True, swap=True),
    8: Turn(flip_x=True, swap=True),
}


class Placement(NamedTuple):
    """A resize and a crop of a stored image.

    Attributes:
        scaled: size that the whole image is resized to.
        left: of the crop, in the resized image.
        top: of the crop, in the resized image.
    """

    scaled: Size
    left: int
    top: int


def place(size: Size, turn: Turn, short_side: int, crop: int, *, squash: bool = False) -> Placement:
    """Place the centre crop.

    Args:
        size: of the stored image.
        turn: how it is made upright.
        short_side: what its shorter side is resized to.
        crop: side of the crop; at most `short_side`.
        squash: resize the longer side to the same, out of proportion.
    """
    shorter = min(size)
    width, height = (short_side if squash else int(short_side * side / shorter) for side in size)
    return Placement((width, height), _start(width, crop, turn.flip_x), _start(height, crop, turn.flip_y))


def choose_scale(size: Size, short_side: int) -> int:
    """By how much an image may be divided, 8, 4, 2 or 1, whose shorter side is then resized to `short_side`."""
    return next((scale for scale in _SCALES if min(size) >= _SPARE * scale * short_side), 1)


def scaled_size(size: Size, scale: int) -> Size:
    """The size of a divided image; the last row and column may stand for fewer pixels."""
    return -(-size[0] // scale), -(-size[1] // scale)


def excess(size: Size) -> int:
    """How many pixels to cut off either end of a very long image."""
    shorter, longer = sorted(size)
    return max(0, (longer - MAX_ASPECT * shorter) // 2)


def _start(side: int, crop: int, mirrored: bool) -> int:
    start = round((side - crop) / 2)
    # The crop is placed in the upright image: where the rest is odd, its two sides differ.
    return side - crop - start if mirrored else start
