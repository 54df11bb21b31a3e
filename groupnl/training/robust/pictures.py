"""Made pictures with much structure and no meaning, for PixMix: fractals, waves and dead leaves.

They are made when first asked for and kept; every process makes the same ones.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from groupnl.training.robust.augmentation import Pixels

_EACH = 64  # pictures of a kind
_WHITE = 255
_STEPS, _FIRST_STEPS = 24, 4  # that a fractal's points take, and the first of them, which lie nowhere yet
_PIXELS_A_POINT = 8
_WAVES, _HALF_WAVES = 6, 24  # of a picture, and the most that lie across it
_LEAVES, _SMALLEST = 200, 0.04  # of a picture, and the least radius, as a part of the side
_CORNERS, _ROUND = 3, 8  # the fewest, and so many stand for a disc


@cache
def pictures(side: int) -> Pixels:
    """All pictures, (N, `side`, `side`, 3) uint8, not to be written to."""
    made = np.stack(
        [
            kind(np.random.default_rng((number, index)), side)
            for number, kind in enumerate((fractal, waves, leaves))
            for index in range(_EACH)
        ]
    )
    made.flags.writeable = False
    return made


def fractal(random: np.random.Generator, side: int) -> Pixels:
    """The attractor of a few random affine maps that contract, over one colour.

    Points that a map has moved take half of its colour; what many points come to is opaque.
    """
    maps = [_contraction(random) for _ in range(random.integers(2, 5))]
    shifts, colours = random.uniform(-1, 1, (len(maps), 2)), random.random((len(maps), 3))
    areas = np.abs(np.linalg.det(maps))
    points = np.zeros((max(64, side * side // _PIXELS_A_POINT), 2))
    shades = np.full((len(points), 3), 1 / 2)
    seen, shown = [], []
    for step in range(_STEPS):
        chosen = random.choice(len(maps), len(points), p=areas / areas.sum())
        points = np.einsum("nij,nj->ni", np.stack(maps)[chosen], points) + shifts[chosen]
        shades = (shades + colours[chosen]) / 2
        if step >= _FIRST_STEPS:
            seen.append(points)
            shown.append(shades)
    return _drawn(np.concatenate(seen), np.concatenate(shown), random.random(3), side)


def _contraction(random: np.random.Generator) -> NDArray[np.float64]:
    """A turn, a shrinking along both axes and another turn, as a matrix."""
    before, after = (_turn(angle) for angle in random.uniform(0, 2 * np.pi, 2))
    return after @ np.diag(random.uniform(0.3, 0.9, 2)) @ before


def _turn(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _drawn(points: NDArray[np.float64], shades: NDArray[np.float64], paper: NDArray[np.float64], side: int) -> Pixels:
    """Points, (N, 2), of shades from 0 to 1, (N, 3), over paper of one colour, (3,)."""
    places = (points - points.mean(0)) / (4 * points.std(0) + 1e-9) + 1 / 2
    inside = ((places >= 0) & (places < 1)).all(1)
    row, column = (places[inside] * side).astype(np.intp).T
    cell = row * side + column
    count = np.bincount(cell, minlength=side * side)
    sums = [np.bincount(cell, shade, minlength=side * side) for shade in shades[inside].T]
    cover = (np.log1p(count) / np.log1p(count.max()))[:, None]
    colour = np.stack(sums, axis=1) / np.maximum(count, 1)[:, None]
    return _pixels((cover * colour + (1 - cover) * paper).reshape(side, side, 3))


def waves(random: np.random.Generator, side: int) -> Pixels:
    """A sum of sines in all directions for each colour, long waves higher than short ones."""
    place = np.linspace(0, np.pi, side)
    levels = np.zeros((side, side, 3))
    for _ in range(_WAVES):
        across, down = random.uniform(-_HALF_WAVES, _HALF_WAVES, 2)
        angle = (across * place)[None, :, None] + (down * place)[:, None, None] + random.uniform(0, 2 * np.pi, 3)
        levels += random.normal(0, 1, 3) * np.sin(angle) / np.sqrt(1 + np.hypot(across, down))
    lowest, highest = levels.min((0, 1)), levels.max((0, 1))
    return _pixels((levels - lowest) / (highest - lowest))


def leaves(random: np.random.Generator, side: int) -> Pixels:
    """Discs and polygons of one colour each that lie on one another, many small and few large."""
    picture = Image.new("RGB", (side, side), tuple(random.integers(0, _WHITE + 1, 3).tolist()))
    draw = ImageDraw.Draw(picture)
    for _ in range(_LEAVES):
        radius = side * min(1 / 2, _SMALLEST / np.sqrt(random.random()))
        corners = int(random.integers(_CORNERS, _ROUND + 1))
        place, colour = random.uniform(0, side, 2), tuple(random.integers(0, _WHITE + 1, 3).tolist())
        if corners == _ROUND:
            draw.ellipse([*(place - radius), *(place + radius)], fill=colour)
        else:
            angles = np.sort(random.uniform(0, 2 * np.pi, corners))
            outline = place + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
            draw.polygon(outline.ravel().tolist(), fill=colour)
    return np.array(picture)


def _pixels(levels: NDArray[np.float64]) -> Pixels:
    pixels: Pixels = np.rint(levels * _WHITE).astype(np.uint8)
    return pixels
