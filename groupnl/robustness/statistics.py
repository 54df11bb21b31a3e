"""What counts say, and how surely: intervals, a test that may be looked at any time, errors relative to a reference.

Pure functions of counts, summed over workers and replicas. Each live pair is another image's: pairs are independent. A
probe set's answers are not: the same images are answered in every cell. Every interval is of a single look: of many
that are watched, or of one that is looked at again and again, one in twenty misses at some time or more.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist, fmean
from typing import Literal, NamedTuple

# Of the always-valid test, as the recording rules have it too: the level, and the precision of the mixture. The bound
# is tightest, 3.04 sqrt(n), at n = 1035 informative images; at n = 126 it is 3.66 sqrt(n).
ALPHA = 0.05
RHO = 126.0


class Interval(NamedTuple):
    """Where a figure may lie: a share in 0 to 1, a difference of shares in -1 to 1.

    Attributes:
        low: its lower end.
        high: its upper end.
    """

    low: float
    high: float


def wilson_interval(good: float, total: float, confidence: float = 0.95) -> Interval:
    """The interval of a share by Wilson's score method; (0, 1) where nothing was counted.

    Source: Wilson, JASA 1927. It keeps its coverage for few trials and for shares near 0 and 1, where the usual
    estimate plus or minus two deviations does not.

    Args:
        good: trials that went well, 0 to `total`.
        total: trials.
        confidence: of the interval.
    """
    if total <= 0:
        return Interval(0.0, 1.0)
    z = _quantile(confidence)
    share, weight = good / total, z * z / total
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def largest_change(flips: float, pairs: float) -> float:
    """The most that accuracy can have changed under corruption, as far as the pairs tell; 1 where there are none.

    As long as a corruption keeps the label, an answer that stayed is as right as before, so clean and corrupted
    accuracy differ by at most the share of flips. That share is not known but estimated: its upper bound is taken. It
    holds for the very images that were looked at, whatever they are.
    """
    return wilson_interval(flips, pairs).high


def accuracy_band(clean: Interval, flips: float, pairs: float) -> Interval:
    """Where accuracy under corruption must lie, as far as live images resemble the labelled ones.

    The clean accuracy's interval, widened on both sides by `largest_change`:
    ``[wilson_low(right, images) - wilson_high(flips, pairs), wilson_high(right, images) + wilson_high(flips, pairs)]``,
    clamped to 0 to 1. Both shares are estimates, and the two bounds together are careful: at worst, where every flip
    leaves a right answer, one band in forty misses. On images that are easier or harder than the labelled ones it need
    not hold: there only `largest_change` does.

    Args:
        clean: of the accuracy without corruption, from distinct labelled images.
        flips: live pairs whose answer changed.
        pairs: all of them.
    """
    change = largest_change(flips, pairs)
    return Interval(max(0.0, clean.low - change), min(1.0, clean.high + change))


Verdict = Literal["model", "reference", "undecided"]


class Comparison(NamedTuple):
    """Two models on the same corrupted images.

    Attributes:
        model_only: images whose answer only the model kept.
        reference_only: images whose answer only its reference kept.
        verdict: who keeps its own answers more often; that is not who is more often right.
    """

    model_only: float
    reference_only: float
    verdict: Verdict

    @property
    def informative(self) -> float:
        """Images that tell the two apart."""
        return self.model_only + self.reference_only

    @property
    def lead(self) -> float:
        """The model's lead over its reference, images."""
        return self.model_only - self.reference_only

    @property
    def needed_lead(self) -> float:
        """The lead, either way, at which this many informative images decide."""
        return needed_lead(self.informative)


def compare_paired(model_only: float, reference_only: float) -> Comparison:
    """Who keeps its own answers more often, by a test that may be looked at any time.

    Under the hypothesis that the two hold alike, each informative image is a fair coin's toss. The normal mixture bound
    of Robbins (1970) is crossed ever, however often one looks, with a probability of at most `ALPHA`. That holds for
    counts that only grow, from one beginning on: each restart is a beginning of its own, and in a window that slides
    there is none (`paired_difference` is for that).

    Args:
        model_only: images whose answer only the model kept.
        reference_only: images whose answer only its reference kept.
    """
    lead, count = model_only - reference_only, model_only + reference_only
    if count == 0 or abs(lead) < needed_lead(count):
        return Comparison(model_only, reference_only, "undecided")
    return Comparison(model_only, reference_only, "model" if lead > 0 else "reference")


def paired_verdict(model_only: float, reference_only: float) -> Verdict:
    """The verdict of `compare_paired` alone."""
    return compare_paired(model_only, reference_only).verdict


def needed_lead(informative: float, alpha: float = ALPHA, rho: float = RHO) -> float:
    """The lead at which so many informative images decide.

    Args:
        informative: images that only one of the two kept.
        alpha: probability of ever deciding wrongly, where the two hold alike.
        rho: precision (inverse variance) of the normal mixture over the strength of the difference. Measured in
            sqrt(informative) the bound is tightest at 8.2 times as many informative images.
    """
    total = informative + rho
    return math.sqrt(total * (2 * math.log(1 / alpha) + math.log(total / rho)))


def paired_difference(model_only: float, reference_only: float, pairs: float, confidence: float = 0.95) -> Interval:
    """The interval of the difference of two models' agreement, the model's minus its reference's, at a single look.

    Source: Bonett and Price, J. Educ. Behav. Stat. 37 (2012): Wald's interval with an image more on either side.

    Args:
        model_only: images whose answer only the model kept.
        reference_only: images whose answer only its reference kept.
        pairs: images that both answered.
        confidence: of the interval, looked at once.
    """
    ours, theirs = ((count + 1) / (pairs + 2) for count in (model_only, reference_only))
    difference = ours - theirs
    half = _quantile(confidence) * math.sqrt((ours + theirs - difference * difference) / (pairs + 2))
    return Interval(max(-1.0, difference - half), min(1.0, difference + half))


class Relative(NamedTuple):
    """Errors relative to a reference's, with an interval.

    Attributes:
        value: below 1 the model errs less.
        low: lower end of the 95 % interval.
        high: upper end.
    """

    value: float
    low: float
    high: float

    @property
    def differs(self) -> bool:
        """Whether the interval leaves 1 out, at a single look."""
        return not self.low <= 1 <= self.high


def relative_flips(
    model_only: float, reference_only: float, both_flip: float, confidence: float = 0.95
) -> Relative | None:
    """The model's flips divided by its reference's on the same images; None where the reference has none.

    A ratio of sums over all corruptions: a mean of their ratios is drawn upwards by those in which the reference hardly
    ever flips. With M and R flips, of which m and r are of one of the two alone, ln(M / R) has the variance
    (m + r) / (M R). For the interval half an image is added to m and r, and so to M and R:
    ``(M + .5) / (R + .5) * exp(+-1.96 sqrt((m + r + 1) / ((M + .5) (R + .5))))``.

    Source: Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014), Wald's interval of the logarithm; the
    halves as Haldane and Anscombe add them to a risk ratio.

    Args:
        model_only: images whose answer only the model kept: r above.
        reference_only: images whose answer only its reference kept: m above.
        both_flip: images whose answer both changed.
        confidence: of the interval, looked at once.
    """
    flips, base = reference_only + both_flip, model_only + both_flip
    if base == 0:
        return None
    variance = (model_only + reference_only + 1) / ((flips + 0.5) * (base + 0.5))
    middle, half = math.log((flips + 0.5) / (base + 0.5)), _quantile(confidence) * math.sqrt(variance)
    return Relative(flips / base, min(flips / base, math.exp(middle - half)), math.exp(middle + half))


class Rate(NamedTuple):
    """Errors of a probe set in one cell.

    Attributes:
        share: of the answers, 0 to 1.
        images: distinct ones behind it, above 0.
    """

    share: float
    images: float


def relative_error_of_same_images(
    corruptions: Iterable[Sequence[tuple[Rate, Rate]]], confidence: float = 0.95
) -> Relative | None:
    """The mean corruption error of ImageNet-C, the reference in AlexNet's place, on a probe set; None without any.

    For each corruption the model's error rates, summed over severities, are divided by the reference's; corruptions in
    which the reference never erred are left out. An image that is hard in one cell is hard in others, so the cells'
    errors are no independent ones, and counts do not tell how alike they are. The interval takes each model's errors as
    alike as the rates allow: an image that errs in one cell errs in every cell with more errors. No images can spread
    wider. It assumes that images which are hard for the model are no easier for its reference than others, and is wider
    than need be where they are hard for both, as is usual.

    Args:
        corruptions: for each, the rates of the model and of its reference in each cell that both have answered.
        confidence: of the interval.
    """
    ratios, ours, theirs = [], [], []
    for cells in corruptions:
        base = sum(reference.share for _, reference in cells)
        if base == 0:
            continue
        ratio = sum(model.share for model, _ in cells) / base
        ratios.append(ratio)
        ours += [(1 / base, model) for model, _ in cells]
        theirs += [(ratio / base, reference) for _, reference in cells]
    if not ratios:
        return None
    value = fmean(ratios)
    deviation = math.sqrt(_largest_variance(ours) + _largest_variance(theirs)) / len(ratios)
    half = _quantile(confidence) * deviation
    return Relative(value, max(0.0, value - half), value + half)


def _largest_variance(terms: Sequence[tuple[float, Rate]]) -> float:
    """Of a weighted sum of rates, each image's errors as alike in all cells as the rates allow (Frechet's bound)."""
    # Two errors and two right answers more, as Agresti and Coull do: else few errors claim to be sure.
    points = [(weight, (share * images + 2) / (images + 4), images) for weight, (share, images) in terms]
    return sum(
        one_weight * other_weight * (min(one, other) - one * other) / max(one_images, other_images)
        for one_weight, one, one_images in points
        for other_weight, other, other_images in points
    )


def _quantile(confidence: float) -> float:
    """How many deviations an interval reaches to either side."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def distinct(answers: float, images: float) -> float:
    """How many answers to a probe set count for an interval: a replayed image is no new one."""
    return min(answers, images)
