"""Images as they lie in files to pixels, as published figures are made: all of the image, by Pillow."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from PIL.PpmImagePlugin import PpmImageFile
from torch import Tensor

from groupnl.card import InputConfig
from groupnl.errors import ConfigError
from groupnl.images import Limits, Preprocess, decode
from groupnl.images.decode import check_size

Decode = Callable[[bytes], Image.Image]
Prepare = Callable[[bytes], Tensor]
# A set is the user's own and is measured as a whole: only Pillow's bound on pixels, beyond those that requests have.
_LIMITS = Limits(max_bytes=2**31, max_pixels=2 * 89_478_485, max_scan_pixels=10**12, max_segments=10**7)


def encoded(data: bytes) -> Image.Image:
    """The picture of an encoded image of the formats that the service reads.

    Raises:
        InputError: it cannot be decoded.
    """
    return decode(data, _LIMITS)


def pixmap(data: bytes) -> Image.Image:
    """The picture of a portable pixmap (PPM), or of an image of the other formats.

    Raises:
        InputError: it cannot be decoded.
        ConfigError: the pixmap is damaged.
    """
    if not data.startswith((b"P3", b"P6")):
        return encoded(data)
    try:
        image = PpmImageFile(io.BytesIO(data))
        check_size(image.size, _LIMITS)
        return image.convert("RGB")
    except (SyntaxError, ValueError, OSError) as error:  # Pillow's words for files that are cut short or damaged
        raise ConfigError(f"the pixmap is cut short or damaged ({error})") from None


@dataclass(frozen=True)
class RawPixels:
    """Pixels without a file format: bytes of red, green and blue, row by row.

    Attributes:
        side: of the square picture, pixels.
        planes: one colour after the other, (3, side, side); else pixel by pixel, (side, side, 3).
    """

    side: int
    planes: bool = False

    @property
    def length(self) -> int:
        """Bytes of a picture."""
        return 3 * self.side**2

    def __call__(self, data: bytes) -> Image.Image:
        """The picture.

        Raises:
            ConfigError: more or fewer bytes: the file was cut while it was read.
        """
        if len(data) != self.length:
            raise ConfigError(f"it has {len(data)} bytes instead of {self.length}")
        values = np.frombuffer(data, np.uint8)
        pixels = values.reshape(3, self.side, self.side).transpose(1, 2, 0) if self.planes else values
        return Image.fromarray(np.ascontiguousarray(pixels.reshape(self.side, self.side, 3)))


class Resized:
    """Resize of the shorter side and centre crop, as timm evaluates.

    Args:
        config: of the network's input.
        read: makes a picture of the bytes.
    """

    def __init__(self, config: InputConfig, read: Decode = encoded) -> None:
        self._preprocess = Preprocess(config)
        self._read = read

    def __call__(self, data: bytes) -> Tensor:
        """Pixels of an image: uint8 (3, size, size).

        Raises:
            InputError: it cannot be decoded.
            ConfigError: see `Decode`'s.
        """
        return self._preprocess(self._read(data))


class Cropped:
    """Centre crop without a resize, as ImageNet-C's files are read.

    Args:
        size: of the crop, pixels.
        read: makes a picture of the bytes.
    """

    def __init__(self, size: int, read: Decode = encoded) -> None:
        self._size = size
        self._read = read

    def __call__(self, data: bytes) -> Tensor:
        """Pixels of an image: uint8 (3, size, size).

        Raises:
            InputError: it cannot be decoded.
            ConfigError: it is smaller than the crop.
        """
        image = self._read(data)
        if min(image.size) < self._size:
            raise ConfigError(
                f"it has {image.width} x {image.height} pixels; the crop takes {self._size}, see --input-size"
            )
        left, top = (round((side - self._size) / 2) for side in image.size)
        crop = image.crop((left, top, left + self._size, top + self._size))
        return torch.from_numpy(np.array(crop)).permute(2, 0, 1).contiguous()
