"""Pictures for a study without a data set: generated, the same at every run, as heavy to decode as photographs."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from groupnl.errors import ConfigError

SIZE = (640, 480)  # width, height; pixels
QUALITY = 90  # of the JPEG coder
COUNT = 64
_OCTAVES = 6
_SHAPES = 12
_GRAIN = 4.0  # standard deviation of the noise, levels
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


def _clouds(rng: np.random.Generator) -> Floats:
    """Random smooth fields of several scales, (height, width, 3), about 0 to 255."""
    total = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
    for octave in range(_OCTAVES):
        cells = 2 ** (octave + 1)
        coarse = rng.normal(0.0, 60.0 / (octave + 1), (3, cells, cells)).astype(np.float32)
        total += np.stack([_enlarged(channel) for channel in coarse], axis=-1)
    return total + 127.5


def _enlarged(channel: Floats) -> Floats:
    return np.asarray(Image.fromarray(channel).resize(SIZE, Image.Resampling.BICUBIC), np.float32)


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
