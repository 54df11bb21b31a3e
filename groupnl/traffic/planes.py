"""Planes of pixels as one run of memory: what lies so far from each pixel is one slice of it, and few calls do much."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLOCK = 8  # side of JPEG's blocks, pixels
_AHEAD = 4  # rows and columns that are looked ahead, at most


@dataclass(eq=False, slots=True)
class Planes:
    """Planes of numbers, one after another.

    What is some rows down and some columns to the right of a pixel lies equally far ahead of every pixel. At the lower
    and right edges that is another pixel: values that came of it mean nothing, and means leave them out.

    Attributes:
        values: float32 (N,), of all planes, row by row, and of what lies behind them.
        shape: (planes, rows, columns).
        missing: rows at the lower edge and columns at the right one that mean nothing.
    """

    values: Floats
    shape: tuple[int, int, int]
    missing: tuple[int, int] = (0, 0)

    @property
    def whole(self) -> Floats:
        """Values of all pixels, (planes, rows, columns)."""
        planes, rows, columns = self.shape
        return self.values[: planes * rows * columns].reshape(self.shape)

    def ahead(self, rows: int, columns: int) -> "Planes":
        """At each pixel, what is so far down and to the right."""
        missing = self.missing[0] + rows, self.missing[1] + columns
        return Planes(self.values[rows * self.shape[2] + columns :], self.shape, missing)

    def apart(self, rows: int, columns: int) -> "Planes":
        """Differences of pixels that lie so far apart; columns below 0: the lower pixel is the one on the left."""
        return self.ahead(rows, columns) - self if columns >= 0 else self.ahead(rows, 0) - self.ahead(0, -columns)

    def within(self, other: "Planes") -> "Planes":
        """The same, without what the other misses, too."""
        return Planes(self.values, self.shape, _missing(self, other))

    def __add__(self, other: "Planes") -> "Planes":
        return _joined(np.add, self, other)

    def __sub__(self, other: "Planes") -> "Planes":
        return _joined(np.subtract, self, other)

    def __mul__(self, other: "Planes") -> "Planes":
        return _joined(np.multiply, self, other)

    def drop_signs(self) -> "Planes":
        """In place."""
        np.abs(self.values, out=self.values)
        return self

    def like(self, values: Floats) -> "Planes":
        """Other numbers of the same pixels, (..., rows, columns)."""
        _, rows, columns = self.shape
        values = values.ravel()
        return Planes(values, (len(values) // (rows * columns), rows, columns), self.missing)

    def mean(self) -> Floats:
        """Of each plane, (planes,)."""
        _, rows, columns = self.shape
        found: Floats = self.whole.reshape(-1, rows * columns) @ _shares(rows, columns, self.missing)
        return found

    def pooled(self) -> Floats:
        """Mean of each block of each plane, (planes, blocks); the last ones may lack rows or columns."""
        _, rows, columns = self.shape
        strips: Floats = _pool(rows, self.missing[0]) @ self.whole
        found: Floats = strips @ _pool(columns, self.missing[1]).T
        return found.reshape(len(found), -1)


def planes(values: NDArray[Any]) -> Planes:
    """Numbers of shape (..., rows, columns) as planes."""
    *_, rows, columns = values.shape
    found = np.zeros(values.size + _AHEAD * (columns + 1), np.float32)
    found[: values.size].reshape(values.shape)[...] = values
    return Planes(found, (values.size // (rows * columns), rows, columns))


def mean(values: Floats) -> Floats:
    """Over the last axis; a product is some times quicker than numpy's mean."""
    found: Floats = values @ _equal(values.shape[-1])
    return found


@cache
def _equal(count: int) -> Floats:
    return np.full(count, 1 / count, np.float32)


def _joined(function: np.ufunc, one: Planes, other: Planes) -> Planes:
    count = min(len(one.values), len(other.values))
    return Planes(function(one.values[:count], other.values[:count]), one.shape, _missing(one, other))


def _missing(one: Planes, other: Planes) -> tuple[int, int]:
    return max(one.missing[0], other.missing[0]), max(one.missing[1], other.missing[1])


@cache
def _shares(rows: int, columns: int, missing: tuple[int, int]) -> Floats:
    """What each pixel counts in a plane's mean, (rows * columns,)."""
    shares = np.zeros((rows, columns), np.float32)
    shares[: rows - missing[0], : columns - missing[1]] = 1
    shares /= shares.sum()
    return shares.ravel()


@cache
def _pool(count: int, missing: int) -> Floats:
    """Takes the mean of each block in so many pixels, of which the last are missing: (blocks, count)."""
    inside = np.arange(count) // BLOCK == np.arange(-(-(count - missing) // BLOCK))[:, None]
    inside[:, count - missing :] = False
    found: Floats = (inside / inside.sum(1, keepdims=True)).astype(np.float32)
    return found
