"""Backgrounds for the icons: solid colours, gradients, noise textures, blurred blobs.

`render` asks for one an image. Pure: everything is drawn from the generator that is passed in.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.float64]
"""(S, S, 3), RGB in [0, 1]."""

MAX_OCTAVES = 4
MAX_BLOBS = 6


def solid(size: int, rng: np.random.Generator) -> Pixels:
    """Return one colour everywhere."""
    return np.broadcast_to(rng.random(3), (size, size, 3))


def gradient(size: int, rng: np.random.Generator) -> Pixels:
    """Return a linear gradient between two colours, in any direction."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:size, 0:size] / (size - 1) - 0.5
    ramp = np.clip(0.5 + x * np.cos(angle) + y * np.sin(angle), 0, 1)
    return _blend(ramp, rng.random(3), rng.random(3))


def noise(size: int, rng: np.random.Generator) -> Pixels:
    """Return a texture between two colours: the sum of noise of a few scales, from blotches to grain."""
    octaves = rng.choice(np.arange(1, 7), size=rng.integers(1, MAX_OCTAVES + 1), replace=False)
    field = sum(_value_noise(size, min(size, 2 ** int(octave)), rng) for octave in octaves)
    return _blend(np.clip(field / len(octaves), 0, 1), rng.random(3), rng.random(3))


def blobs(size: int, rng: np.random.Generator) -> Pixels:
    """Return a colour with a few soft round spots of other colours."""
    canvas: Pixels = np.array(solid(size, rng))
    y, x = np.mgrid[0:size, 0:size] / size
    for _ in range(rng.integers(2, MAX_BLOBS + 1)):
        centre_x, centre_y, radius = rng.random(), rng.random(), rng.uniform(0.1, 0.4)
        weight = np.exp(-((x - centre_x) ** 2 + (y - centre_y) ** 2) / (2 * radius**2))[..., None]
        canvas = canvas * (1 - weight) + rng.random(3) * weight
    return canvas


KINDS: tuple[Callable[[int, np.random.Generator], Pixels], ...] = (solid, gradient, noise, blobs)


def background(size: int, rng: np.random.Generator) -> Pixels:
    """Return a background of a random kind, each as likely as the others."""
    return KINDS[rng.integers(len(KINDS))](size, rng)


def _blend(ramp: Pixels, first: Pixels, second: Pixels) -> Pixels:
    return ramp[..., None] * second + (1 - ramp[..., None]) * first


def _value_noise(size: int, cells: int, rng: np.random.Generator) -> Pixels:
    grid = Image.fromarray((rng.random((cells, cells)) * 255).astype(np.uint8))
    return np.asarray(grid.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float64) / 255
