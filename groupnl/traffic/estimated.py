"""What counts of looks, and sums of probabilities, say of the traffic: a figure with its interval.

Pure functions of counts that add up over workers, replicas and windows; Prometheus' rules compute the same numbers.
"""

import math
from collections.abc import Hashable, Mapping
from statistics import NormalDist
from typing import NamedTuple, TypeVar

LookOf = TypeVar("LookOf", bound=Hashable)

# So many images with the figure 0, and as many with 1, are added for the interval, as Agresti and Coull do: else a
# look that has not come yet claims to be sure.
ADDED = 2.0
# By how much calibrated confidence errs under a corruption, beside chance: a standard deviation, in accuracy. Measured
# on held-back images of both default models in 95 cells: docs/live-vs-offline.md.
POSTERIOR_ERROR = 0.03


class Estimated(NamedTuple):
    """A figure of the traffic that nobody has counted.

    Attributes:
        value: the estimate, 0 to 1.
        low: lower end of its interval.
        high: upper end.
    """

    value: float
    low: float
    high: float


def estimate(
    counts: Mapping[LookOf, float], weights: Mapping[LookOf, float], images: float, confidence: float = 0.95
) -> Estimated | None:
    """The mean, over the images that were looked at, of a weight that depends on what an image looks like.

    With n images, S = sum of weights and Q = sum of their squares, the value is S / n. For the interval `ADDED` images
    with 0 and as many with 1 are added: middle = (S + 2) / (n + 4), variance = ((Q + 2) / (n + 4) - middle^2) *
    (1 / (n + 4) + 1 / images), and the ends are middle +- z * sqrt(variance). The second term is of the held-back
    images that the weights come from: they are a sample, too. All is clamped to 0 to 1, the middle before its ends.

    Source: Agresti and Coull, The American Statistician 52 (1998), for weights of 0 and 1.

    Args:
        counts: look -> images that look so.
        weights: look -> weight; 0 where it is missing.
        images: held-back ones behind the weights, above 0.
        confidence: of the interval, looked at once.

    Returns:
        None where nothing was looked at.
    """
    total = sum(counts.values())
    if total <= 0:
        return None
    sums = sum(count * weights.get(look, 0.0) for look, count in counts.items())
    squares = sum(count * weights.get(look, 0.0) ** 2 for look, count in counts.items())
    with_added = total + 2 * ADDED
    middle = (sums + ADDED) / with_added
    variance = ((squares + ADDED) / with_added - middle * middle) * (1 / with_added + 1 / images)
    return _clamped(sums / total, middle, _quantile(confidence) * math.sqrt(max(variance, 0.0)))


def expected_accuracy(expected: float, pairs: float, images: float, confidence: float = 0.95) -> Estimated | None:
    """The share of right answers, from the sum of the calibrated probabilities that they are right.

    The interval is that of a share, with three errors: chance among the pairs, chance among the held-back images that
    the temperature comes from, and `POSTERIOR_ERROR`. With middle = (expected + 2) / (pairs + 4) the variance is
    middle * (1 - middle) * (1 / (pairs + 4) + 1 / images) + POSTERIOR_ERROR^2.

    Args:
        expected: sum of `clean_posterior` over the pairs.
        pairs: answers behind it.
        images: held-back ones behind the temperature, above 0.
        confidence: of the interval, looked at once.

    Returns:
        None where there are no pairs.
    """
    if pairs <= 0:
        return None
    with_added = pairs + 2 * ADDED
    middle = (expected + ADDED) / with_added
    variance = middle * (1 - middle) * (1 / with_added + 1 / images) + POSTERIOR_ERROR**2
    return _clamped(expected / pairs, middle, _quantile(confidence) * math.sqrt(variance))


def _clamped(value: float, middle: float, half: float) -> Estimated:
    """Where weights push the middle out of 0 to 1, the interval is that of the nearest share that there can be."""
    middle = min(max(middle, 0.0), 1.0)
    return Estimated(*(min(max(figure, 0.0), 1.0) for figure in (value, middle - half, middle + half)))


def _quantile(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
