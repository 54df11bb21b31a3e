"""When traffic counts as another one than the held-back images: by the size of the difference, never by a p-value.

A p-value says that a difference is real, and with enough images every difference is, also a harmless one. Here a
difference is measured as a distance between two distributions, what chance allows in so many images is subtracted, and
what is left has to be large. Report and Prometheus' rules share these limits and these sums.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# The windows that are looked at, shortest first. Requests come from 0.01 to some 100 a second: the short ones are
# quick where there is much, the long ones see something where there is little.
WINDOWS = ("10m", "1h", "6h", "1d")

# Below so many chosen images in a window nothing is said of them. A mixture's interval holds from here on.
LEAST_IMAGES = 50
# "x % look like CORRUPTION" is told where the lower end of the share's interval, at this many standard errors, is above
# this share: what touches fewer images than one in thirty moves no figure by more than its own error. A short window
# is looked at more often, each time anew: it needs more.
SHARE_MARGIN = 0.03
SHARE_Z = dict(zip(WINDOWS, (2.5, 2.25, 2.25, 2.0), strict=True))

# Statistics of pixels, each by its rank among held-back images. A gap of a quarter: as if one image in four had gone
# from one end to the other. Another mixture of classes stays below.
STATISTIC_MARGIN = 0.25
# Confidence and entropy, by rank, too. They see what pixels do not: swapped channels, a turn. There gaps are smaller,
# and go with what is lost of accuracy: 5 points of gap with 2 to 4 points of it.
ANSWER_MARGIN = 0.05
ANSWER_STATISTICS = ("confidence", "entropy")
# Predicted classes, by total variation. Half of the answers would have to name another class. All live answers are
# counted, and a few popular images among them move a third: so a lower limit would tell of repeats.
CLASS_MARGIN = 0.5
# Below so many live answers nothing is said of the classes.
LEAST_ANSWERS = 500

# What chance allows: so many times the square root of (1 / images + 1 / held-back images). By the inequality of
# Dvoretzky, Kiefer and Wolfowitz a gap is larger in 2 exp(-2 x^2) of all looks at most, without any margin.
GAP_NOISE = dict(zip(WINDOWS, (2.0, 1.9, 1.8, 1.7), strict=True))

# Where traffic is broken, confidence says nothing of accuracy: under-exposed images are answered with a calibrated
# confidence of .65 and an accuracy of .02. The label-free estimate is withdrawn while the gap of confidence or entropy,
# less chance, is larger than this. Wherever the estimate was wrong by 9 points or more, the gap was .19 or more: dark
# and blank images, contrast from severity 2 on, swapped channels, a turn, negatives. Pixels do not tell: noise of
# severity 2 moves their statistics by .95, and the estimate is right to a point.
BROKEN_ANSWER_MARGIN = 0.1


class Gap(NamedTuple):
    """How far two distributions lie apart.

    Attributes:
        size: 0 (alike) to 1 (nothing in common).
        noise: what chance allows in so many images.
    """

    size: float
    noise: float

    @property
    def beyond(self) -> float:
        """What chance does not explain, 0 to 1."""
        return max(0.0, self.size - self.noise)


def largest_gap(observed: Sequence[float], expected: Sequence[float]) -> float:
    """The largest difference of two cumulative distributions (Kolmogorov-Smirnov) at the bounds of their buckets.

    Args:
        observed: cumulative shares at each bound, 0 to 1.
        expected: the same. Of ranks: the bounds themselves.
    """
    return max(abs(one - other) for one, other in zip(observed, expected, strict=True))


def total_variation(observed: Mapping[str, float], expected: Mapping[str, float]) -> float:
    """The share of cases that would have to be another one: half of the sum of all differences.

    Args:
        observed: name -> share; those of all names are 1 together.
        expected: the same.
    """
    return sum(abs(observed.get(name, 0.0) - expected.get(name, 0.0)) for name in {*observed, *expected}) / 2


def gap_noise(window: str, images: float, expected_images: float) -> float:
    """What chance allows a gap to be.

    Args:
        window: of `WINDOWS`.
        images: counted ones, above 0.
        expected_images: held-back ones, above 0.
    """
    return GAP_NOISE[window] * math.sqrt(1 / images + 1 / expected_images)


def class_noise(expected: Mapping[str, float], answers: float, expected_images: float) -> float:
    """What chance makes of the total variation, on average: half of the sum of the classes' mean absolute errors.

    Args:
        expected: class -> share of held-back images.
        answers: counted ones, above 0.
        expected_images: held-back ones, above 0.
    """
    deviations = sum(math.sqrt(share * (1 - share)) for share in expected.values())
    return CLASS_NOISE * deviations * math.sqrt(1 / answers + 1 / expected_images)


CLASS_NOISE = math.sqrt(2 / math.pi) / 2  # half of a normal error's mean absolute value, in standard deviations
