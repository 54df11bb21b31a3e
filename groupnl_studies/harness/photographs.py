"""Pictures for a study without a data set: generated, the same at every run, as heavy to decode as photographs.

Two kinds: `photograph` has edges, as what people send has; `blotches` are of any size and made quicker.
"""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from groupnl.errors import ConfigError
from groupnl.images.placement import Pixels, Size

SIZE: Size = (640, 480)  # width, height; pixels
QUALITY = 90  # of the JPEG coder
COUNT = 64
_SHAPES = 12
_GRAIN = 4.0  # standard deviation of the noise of `photograph`, levels
_FINE_GRAIN = 3.0  # of `blotches`
_SUFFIXES = (".jpg", ".jpeg")

Floats = NDArray[np.float32]


def jpeg_files(folder: Path | None) -> list[bytes]:
    """What is sent: the JPEG files below a folder, or `COUNT` generated ones.

    Raises:
        ConfigError: the folder has no JPEG file.
    """
    if folder is None:
        return [photograph(seed) for seed in range(COUNT)]
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise ConfigError(f"--images {folder}: there is no .jpg or .jpeg file; name a folder that has some")
    return [path.read_bytes() for path in paths]


def photograph(seed: int) -> bytes:
    """A JPEG that looks like a blurred collage: smooth colours, sharp edges, grain.

    Args:
        seed: the same seed gives the same picture.

    Returns:
        An RGB JPEG of `SIZE`; 60 to 120 kB.
    """
    rng = np.random.default_rng(seed)
    canvas = Image.fromarray(_levels(_clouds(rng)))
    draw = ImageDraw.Draw(canvas)
    for _ in range(_SHAPES):
        _draw_shape(draw, rng)
    grain = rng.normal(0.0, _GRAIN, (SIZE[1], SIZE[0], 1))
    # Half shapes, half clouds, so that shapes have texture too.
    mixed = 0.5 * np.asarray(canvas, np.float32) + 0.5 * _clouds(rng) + grain
    buffer = io.BytesIO()
    Image.fromarray(_levels(mixed)).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def blotches(size: Size, seed: int = 0) -> Pixels:
    """Blotches of many sizes and grain, as photographs have.

    Args:
        size: width and height.
        seed: the same seed gives the same picture.

    Returns:
        uint8 of shape (height, width, 3).
    """
    rng = np.random.default_rng(seed)
    total = np.full((size[1], size[0], 3), 120, np.float32)
    _add_clouds(total, rng, octaves=8, amplitude=45.0)
    total += rng.standard_normal((size[1], size[0], 1), np.float32) * _FINE_GRAIN
    return total.clip(0, 255).astype(np.uint8)


def squares(count: int, size: int) -> Pixels:
    """Different blotches, the same at every call: uint8 of shape (count, size, size, 3)."""
    return np.stack([blotches((size, size), seed) for seed in range(count)])


def _clouds(rng: np.random.Generator) -> Floats:
    """Random smooth fields, (height, width, 3), about 0 to 255."""
    total = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
    _add_clouds(total, rng, octaves=6, amplitude=60.0)
    return total + 127.5


def _add_clouds(total: Floats, rng: np.random.Generator, octaves: int, amplitude: float) -> None:
    """Add random smooth fields of several scales.

    Args:
        total: of shape (height, width, 3).
        rng: makes them.
        octaves: how many scales; each has cells of half the size of the one before.
        amplitude: standard deviation of the largest cells, levels; that of the n-th scale is an n-th of it.
    """
    height, width, _ = total.shape
    for octave in range(1, octaves + 1):
        coarse = rng.normal(0.0, amplitude / octave, (3, 2**octave, 2**octave)).astype(np.float32)
        for channel, levels in enumerate(coarse):
            enlarged = Image.fromarray(levels).resize((width, height), Image.Resampling.BICUBIC)
            total[..., channel] += np.asarray(enlarged)


def _draw_shape(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """A polygon of three to seven corners, in one colour."""
    corners = int(rng.integers(3, 8))
    centre = rng.uniform((0, 0), SIZE)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radii = rng.uniform(20, 160, corners)
    points = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    red, green, blue = (int(level) for level in rng.integers(0, 256, 3))
    draw.polygon([(float(x), float(y)) for x, y in points], fill=(red, green, blue))


def _levels(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
