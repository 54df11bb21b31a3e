"""The sine of a bounded argument as a short odd polynomial, for runtimes whose own sine is slow.

Multiplications and additions by constants are what every runtime fuses into one vectorised loop.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from torch import Tensor

# What the fit may be off by before rounding: below half a unit in the last place of float32 at 1.
MAX_ERROR = 3e-8
# Beyond it the terms grow so large that their rounding costs more than the sine's own.
MAX_BOUND = 4.0
_MIN_TERMS, _MAX_TERMS = 3, 12


class OddPolynomial(NamedTuple):
    """sin(x) = z * (c0 + c1 z^2 + c2 z^4 + ...) with z = x / bound.

    Attributes:
        bound: largest |x| it holds for.
        coefficients: c0, c1, ..., at least three; of similar sizes, because exporters take tiny constants for zeros.
    """

    bound: float
    coefficients: tuple[float, ...]

    def __call__(self, scaled: Tensor) -> Tensor:
        """The sine of `scaled` * bound, for |scaled| at most 1.

        Args:
            scaled: float32.

        Returns:
            float32 of the same shape; off by at most 2e-6 near |scaled| = 1, by 3e-7 below 0.5.
        """
        square = scaled * scaled
        last, *others = reversed(self.coefficients)
        result = square * last + others[0]
        for coefficient in others[1:]:
            result = result * square + coefficient
        return result * scaled


class Reduced(NamedTuple):
    """sin(period * v + phase) = sign * sin(period * v + reduced phase), the reduced one in [-pi/2, pi/2].

    Attributes:
        phase: the reduced one, float64.
        sign: 1 or -1 for each, float64.
        bound: of |period * v + phase| for all |v| up to 1.
    """

    phase: Tensor
    sign: Tensor
    bound: float


def reduce_phase(period: Tensor, phase: Tensor) -> Reduced:
    """Take multiples of pi out of the phases, so that the arguments stay near zero.

    Args:
        period: of any shape.
        phase: of the same shape.
    """
    turns = (phase.double() / math.pi).round()
    reduced = phase.double() - turns * math.pi
    bound = float((period.double().abs() + reduced.abs()).max())
    return Reduced(reduced, 1 - 2 * turns.remainder(2), bound)


def odd_polynomial(bound: float) -> OddPolynomial | None:
    """The shortest polynomial that is within `MAX_ERROR` of the sine on [-bound, bound].

    Args:
        bound: above 0.

    Returns:
        None where the interval is too wide for one that is exact in float32.
    """
    if bound > MAX_BOUND:
        return None
    points = np.linspace(0, 1, 2001)
    truth = np.sin(points * bound)
    for terms in range(_MIN_TERMS, _MAX_TERMS):
        fit = Chebyshev.interpolate(_ratio, terms - 1, domain=[0, 1], args=(bound,))
        coefficients = fit.convert(kind=Polynomial, domain=[-1, 1], window=[-1, 1]).coef
        if np.abs(points * Polynomial(coefficients)(points**2) - truth).max() < MAX_ERROR:
            return OddPolynomial(bound, tuple(float(value) for value in coefficients))
    return None


def _ratio(square: np.ndarray, bound: float) -> np.ndarray:
    """sin(z * bound) / z as a function of z^2, which has no odd powers."""
    ratio: np.ndarray = bound * np.sinc(np.sqrt(square) * bound / math.pi)
    return ratio
