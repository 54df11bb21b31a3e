"""Is one convolution better than another? A paired test over seeds and images at once.

Two things vary: networks of the same design that began with another seed, and images. A test over images alone
(McNemar's, say) takes the few trained networks for the design; one over seeds alone takes the test images for all
images. Here both are drawn: the two-way layout with random seeds and random images, which studies of several readers
and cases use, with the degrees of freedom of Hillis.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95


class Comparison(NamedTuple):
    """One design less another.

    Attributes:
        difference: of the mean accuracies, in [-1, 1].
        low: lower end of its 95 % interval.
        high: upper end.
        p: probability of so large a difference, either way, if there were none.
    """

    difference: float
    low: float
    high: float
    p: float


def compare(ours: np.ndarray, theirs: np.ndarray) -> Comparison:
    """Compare two designs that were trained with the same seeds and answered the same images.

    With d the differences, R seeds and C images::

        S = max(MS_seed, MS_rest)
        variance = (S + max(MS_image - MS_rest, 0)) / (R C)
        degrees of freedom = (S + max(MS_image - MS_rest, 0))^2 / (S^2 / (R - 1))

    Source: Obuchowski and Rockette, Communications in Statistics 1995; Hillis, Statistics in Medicine 2007. They have
    MS_seed for S. Its expectation is not below that of MS_rest, but of two or three seeds it often comes out near 0,
    and with it all doubt: in simulations false alarms at p < 0.004 were five times too many with three seeds.

    Args:
        ours: how right each seed's network was about each image; float64 (R, C), R and C at least 2.
        theirs: the same of the other design.
    """
    from scipy import stats  # half a second that no other command needs

    d = ours - theirs
    seeds, images = d.shape
    mean, by_seed, by_image = d.mean(), d.mean(axis=1), d.mean(axis=0)
    rest = d - by_seed[:, None] - by_image + mean
    ms_seed = images * by_seed.var(ddof=1)
    ms_image = seeds * by_image.var(ddof=1)
    ms_rest = (rest**2).sum() / ((seeds - 1) * (images - 1))
    ms_seed = max(ms_seed, ms_rest)
    spread = ms_seed + max(ms_image - ms_rest, 0.0)
    if spread == 0:  # all alike: no chance is in it
        return Comparison(float(mean), float(mean), float(mean), float(mean == 0))
    deviation = np.sqrt(spread / (seeds * images))
    freedom = spread**2 / (ms_seed**2 / (seeds - 1)) if ms_seed > 0 else np.inf  # 0: all seeds say the same
    half = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * deviation
    p = 2 * stats.t.sf(abs(mean) / deviation, freedom)
    return Comparison(float(mean), float(mean - half), float(mean + half), float(p))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values of several tests, so raised that all together err as seldom as one (Holm 1979); in their order."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    raised, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        raised[index] = highest
    return raised
