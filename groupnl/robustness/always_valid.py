"""Intervals that may be looked at any time: where a mean of outcomes lies, from counts alone.

Outcomes are 1, 0 and -1. Who of two models was right on an image is one: the candidate alone 1, the model alone -1,
both or neither 0; the mean is the difference of their accuracies.

Let the outcomes x_1, x_2, ... have the mean m, each given those before it. Whoever bets on them at fair odds, and
stakes the same part L of the money each time, has after n of them ``K(m) = prod(1 + L (x_i - m))`` times what was
there at the beginning: not negative, and on average 1 at any time. So, by Ville's inequality, K(m) ever reaches 1 / a
with a probability of at most a, however often one looks, and a mean for which it has is ruled out. Three counts give
the product: ``(1 + L (1 - m))^plus (1 - L m)^zero (1 - L (1 + m))^minus``.

Who bets that the mean is larger than m can stake up to ``1 / (1 + m)``; which part of that wins most depends on what
is not known, the mean and how outcomes spread. So the money is divided among parts from nearly all of it downwards,
each half of the one before, and what they win together is such a product's mean, and so fair as well. It costs little:
from dozens of outcomes that are not 0 to a million, the interval is about 1.8 times as wide as the usual one of a
single look. As a part ``c / (1 + m)`` of a bet wins less where m is larger, whatever the outcome, the means that are
ruled out are all those below one bound, which is found by bisection. The upper bound is the lower one of the outcomes
with their signs turned.

An interval has two sides, and each is ruled out with half of the probability. So one side alone, which is what a
decision asks for (is the loss less than a point? is it more?), misses in half as many cases as the interval.

It holds for outcomes that are counted from one beginning on, of images that are independent. Where the same images
come again and again, a pair says less than it is taken for, and nothing is promised. Where traffic changes, so does
what the mean is of; a window that slides has no beginning.

Sources: Ville, Etude critique de la notion de collectif (1939). Waudby-Smith and Ramdas, Estimating means of bounded
random variables by betting, J. R. Stat. Soc. B 86 (2024): section 4, whose hedged capital this is, with bets that stay
instead of learning, because counts forget the order.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groupnl.robustness.statistics import ALPHA, Interval

# Parts of the largest bet. The largest lacks a little of all, lest one outcome end everything; the smallest is the best
# one for some millions of outcomes.
_PARTS = 0.95 * 0.5 ** np.arange(12)
_HALVINGS = 36  # until a bound is known to 3e-11


def always_valid_mean(plus: float, zero: float, minus: float, alpha: float = ALPHA) -> Interval:
    """Where the mean of outcomes in {-1, 0, 1} lies, however often one looks.

    Args:
        plus: outcomes of 1; of several replicas together, so that it need not be whole.
        zero: outcomes of 0.
        minus: outcomes of -1.
        alpha: probability that the interval ever misses the mean; that one of its sides does is half of it.

    Returns:
        Its ends, -1 to 1; (-1, 1) where nothing was counted.
    """
    return Interval(_lower(plus, zero, minus, alpha / 2), -_lower(minus, zero, plus, alpha / 2))


def always_valid_share(good: float, total: float, alpha: float = ALPHA) -> Interval:
    """Where a share lies, however often one looks.

    Args:
        good: outcomes that are counted, 0 to `total`.
        total: all of them.
        alpha: as in `always_valid_mean`.

    Returns:
        Its ends, 0 to 1; (0, 1) where nothing was counted.
    """
    low, high = always_valid_mean(good, 0, total - good, alpha)
    return Interval((1 + low) / 2, (1 + high) / 2)


def surely_at_least(plus: float, zero: float, minus: float, mean: float, alpha: float = ALPHA) -> bool:
    """Whether the interval of `always_valid_mean` begins at a mean or above it; quicker told than the interval.

    Args:
        plus: as in `always_valid_mean`.
        zero: the same.
        minus: the same.
        mean: that is asked about, -1 to 1.
        alpha: of the interval.
    """
    return mean <= -1 or bool(log_capital(plus, zero, minus, mean) >= math.log(2 / alpha))


def log_capital(plus: ArrayLike, zero: ArrayLike, minus: ArrayLike, mean: float) -> NDArray[np.float64]:
    """The logarithm of what bets on a larger mean have made of 1, float64 of the counts' shape.

    Args:
        plus: outcomes of 1, of any shape.
        zero: outcomes of 0, of the same.
        minus: outcomes of -1, of the same.
        mean: that is doubted, above -1 to 1.
    """
    bets = _PARTS / (1 + mean)
    won = (
        np.multiply.outer(plus, np.log1p(bets * (1 - mean)))
        + np.multiply.outer(zero, np.log1p(-bets * mean))
        + np.multiply.outer(minus, np.log1p(-bets * (1 + mean)))
    )
    most = won.max(axis=-1)
    result: NDArray[np.float64] = most + np.log(np.exp(won - most[..., None]).mean(axis=-1))
    return result


def _lower(plus: float, zero: float, minus: float, alpha: float) -> float:
    """The bound below which every mean is ruled out."""
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if log_capital(plus, zero, minus, middle) >= math.log(1 / alpha):
            low = middle
        else:
            high = middle
    return low
