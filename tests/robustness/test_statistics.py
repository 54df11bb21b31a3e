"""groupnl.robustness.statistics against known values, and against simulations whose answer is known."""

import math

import numpy as np
import pytest
from scipy import stats

from groupnl.robustness.statistics import (
    ALPHA,
    RHO,
    Rate,
    Relative,
    compare_paired,
    distinct,
    largest_change,
    needed_lead,
    relative_error_of_same_images,
    wilson_interval,
)


@pytest.mark.parametrize(("good", "total"), [(0, 10), (5, 10), (10, 10), (812, 1000), (1, 3)])
def test_wilson_is_scipys(good: int, total: int) -> None:
    expected = stats.binomtest(good, total).proportion_ci(method="wilson")
    assert wilson_interval(good, total) == pytest.approx((expected.low, expected.high))


def test_nothing_counted_says_nothing() -> None:
    assert wilson_interval(0, 0) == (0, 1)
    assert largest_change(0, 0) == 1
    assert compare_paired(0, 0).verdict == "undecided"


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.95])
@pytest.mark.parametrize("total", [20, 200])
def test_wilson_covers(share: float, total: int) -> None:
    counts = np.arange(total + 1)
    weights = stats.binom.pmf(counts, total, share)
    covered = [low <= share <= high for low, high in (wilson_interval(int(good), total) for good in counts)]
    assert 0.91 < weights[covered].sum() <= 1


def test_the_bound_is_the_stated_one() -> None:
    for count in (1, 50, 126, 5000):
        stated = (count + 126) * (2 * math.log(1 / 0.05) + math.log((count + 126) / 126))
        assert needed_lead(count) ** 2 == pytest.approx(stated)
    assert (ALPHA, RHO) == (0.05, 126)


def test_the_bound_is_tightest_at_eight_times_rho() -> None:
    counts = np.arange(1, 5000)
    tightness = np.array([needed_lead(count) for count in counts]) / np.sqrt(counts)
    assert (counts[tightness.argmin()], round(tightness.min(), 2)) == (1035, 3.04)
    assert round(tightness[int(RHO) - 1], 2) == 3.66


def _walks(share: float, runs: int = 2000, images: int = 4000) -> np.ndarray:
    """The model's lead after each informative image; of shape (runs, images)."""
    tosses = np.random.default_rng(1).random((runs, images)) < share
    return np.cumsum(np.where(tosses, 1, -1), axis=1)


def test_looking_all_the_time_rarely_alarms_where_ordinary_tests_do() -> None:
    leads = _walks(0.5)
    counts = np.arange(1, leads.shape[1] + 1)
    bound = np.array([needed_lead(count) for count in counts])
    false_alarms = (np.abs(leads) >= bound).any(axis=1).mean()
    looks = counts % 50 == 0
    mcnemar = (np.abs(leads[:, looks]) >= 1.96 * np.sqrt(counts[looks])).any(axis=1).mean()
    assert false_alarms <= 0.05
    assert mcnemar > 0.3


def test_a_difference_is_found_and_never_the_wrong_way() -> None:
    leads = _walks(0.58, runs=300)
    counts = np.arange(1, leads.shape[1] + 1)
    bound = np.array([needed_lead(count) for count in counts])
    assert (leads >= bound).any(axis=1).mean() > 0.99
    assert (leads <= -bound).any(axis=1).mean() == 0


@pytest.mark.parametrize(
    ("model_only", "reference_only", "verdict"),
    [(0, 0, "undecided"), (10, 0, "undecided"), (60, 0, "model"), (0, 60, "reference"), (500, 480, "undecided")],
)
def test_verdicts(model_only: int, reference_only: int, verdict: str) -> None:
    comparison = compare_paired(model_only, reference_only)
    assert comparison.verdict == verdict
    assert (abs(comparison.lead) >= comparison.needed_lead) == (verdict != "undecided")
    assert comparison.informative == model_only + reference_only


def test_the_largest_change_holds() -> None:
    """Random models: the true change of accuracy is within its bound as often as its bound is right."""
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(400):
        flip, right = rng.uniform(0, 0.6), rng.uniform(0.2, 0.9)
        worse = rng.uniform(0, 1)  # of the flips of right answers; the others go from wrong to right or wrong
        change = flip * (right * worse)
        flips = rng.binomial(150, flip)
        inside.append(change <= largest_change(flips, 150))
    assert np.mean(inside) > 0.97


PROBE_IMAGES = 200


def _probe_errors(rng: np.random.Generator, alike: float) -> tuple[np.ndarray, np.ndarray]:
    """Errors of a model and its twin on a probe set whose images differ in difficulty.

    Args:
        rng: of the images and the errors.
        alike: correlation of an image's difficulty for the two.

    Returns:
        Two arrays of 0 and 1 of shape (corruptions, severities, images). Each cell's difficulties follow a beta
        distribution with the mean of `_rates` and a concentration of 0.5: most images are easy or hard.
    """
    normal = rng.standard_normal(PROBE_IMAGES)
    other = alike * normal + math.sqrt(1 - alike**2) * rng.standard_normal(PROBE_IMAGES)
    ours, theirs = (
        rng.random((*rates.shape, PROBE_IMAGES)) < _DIFFICULTIES[place][..., _levels(values)]
        for place, (rates, values) in enumerate(zip(_rates(), (normal, other), strict=True))
    )
    return ours, theirs


def _rates() -> tuple[np.ndarray, np.ndarray]:
    """True error rates of the model and its twin, of shape (corruptions, severities)."""
    rates = np.linspace(0.15, 0.5, 8)[:, None] + np.linspace(0, 0.3, 5)
    return 0.9 * rates, rates


def _levels(values: np.ndarray) -> np.ndarray:
    return np.minimum((stats.norm.cdf(values) * 100).astype(int), 99)


def _difficulties(rates: np.ndarray) -> np.ndarray:
    """Difficulties at 100 quantiles of the images, with exactly the means `rates`."""
    quantiles = stats.beta.ppf((np.arange(100) + 0.5) / 100, 0.5 * rates[..., None], 0.5 * (1 - rates[..., None]))
    return quantiles * (rates / quantiles.mean(axis=-1))[..., None]


_DIFFICULTIES = tuple(_difficulties(rates) for rates in _rates())


def _of_same_images(ours: np.ndarray, theirs: np.ndarray) -> Relative:
    rates = [
        [(Rate(one, PROBE_IMAGES), Rate(other, PROBE_IMAGES)) for one, other in zip(*cells, strict=True)]
        for cells in zip(ours.mean(axis=-1).tolist(), theirs.mean(axis=-1).tolist(), strict=True)
    ]
    found = relative_error_of_same_images(rates)
    assert found is not None
    return found


def _as_independent(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """The interval of the mean of ratios, had each answer been to another image (delta method)."""
    one, other, answers = ours.mean(axis=(1, 2)), theirs.mean(axis=(1, 2)), ours[0].size
    ratios = one / other
    variances = ratios**2 * ((1 - one) / one + (1 - other) / other) / answers
    half = 1.96 * math.sqrt(variances.sum()) / len(ratios)
    return ratios.mean() - half, ratios.mean() + half


@pytest.mark.parametrize("alike", [0.0, 0.7])
def test_the_probe_sets_interval_covers_where_images_differ_in_difficulty(alike: float) -> None:
    ours, theirs = _rates()
    truth = (ours.sum(axis=1) / theirs.sum(axis=1)).mean()
    rng = np.random.default_rng(4)
    drawn = [_probe_errors(rng, alike) for _ in range(300)]
    value, low, high = np.array([_of_same_images(*errors) for errors in drawn]).T
    assert ((low <= truth) & (truth <= high)).mean() >= 0.95
    if alike:  # as models are: at most three times as wide as had the images been known
        assert (high - low).mean() < 3 * 2 * 1.96 * value.std()
    low, high = np.array([_as_independent(*errors) for errors in drawn]).T
    assert ((low <= truth) & (truth <= high)).mean() < 0.7


def test_the_probe_sets_interval_is_the_widest_that_images_can_make() -> None:
    """Images in order of difficulty, each cell erring on the hardest: the deviation of the image's own sum."""
    images, shares, reference = 10_000, np.array([[0.1, 0.3], [0.4, 0.8]]), 0.5
    place = (np.arange(images) + 0.5) / images
    errors = place < shares[..., None]
    per_image = (errors / (2 * reference)).sum(axis=1).mean(axis=0)  # of the ratio of sums, the mean over corruptions
    ratios = shares.mean(axis=1) / reference
    reference_per_image = (place < reference) * ratios.mean() / reference
    deviation = math.sqrt((per_image.var() + reference_per_image.var()) / images)
    found = relative_error_of_same_images(
        [(Rate(share, images), Rate(reference, images)) for share in cells] for cells in shares.tolist()
    )
    assert found is not None
    assert found.value == pytest.approx(ratios.mean())
    assert found.high - found.value == pytest.approx(1.959964 * deviation, rel=1e-3)


def test_a_probe_set_that_says_little() -> None:
    assert relative_error_of_same_images([]) is None
    assert relative_error_of_same_images([[(Rate(0.5, 9), Rate(0, 9))], []]) is None
    none_wrong = relative_error_of_same_images([[(Rate(0, 40), Rate(0.5, 40))]])
    assert none_wrong is not None
    assert (none_wrong.value, none_wrong.low) == (0, 0)
    assert none_wrong.high > 0.1  # no error among forty images is no proof of none


def test_replayed_images_are_no_new_ones() -> None:
    assert (distinct(950, 200), distinct(50, 200)) == (200, 50)
