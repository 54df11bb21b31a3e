"""groupnl.robustness.statistics against known values, and against simulations whose answer is known."""

import math

import numpy as np
import pytest
from scipy import stats

from groupnl.robustness.statistics import (
    ALPHA,
    RHO,
    Errors,
    accuracy_band,
    compare_paired,
    distinct,
    needed_lead,
    relative_error,
    wilson_interval,
)


@pytest.mark.parametrize(("good", "total"), [(0, 10), (5, 10), (10, 10), (812, 1000), (1, 3)])
def test_wilson_is_scipys(good: int, total: int) -> None:
    expected = stats.binomtest(good, total).proportion_ci(method="wilson")
    assert wilson_interval(good, total) == pytest.approx((expected.low, expected.high))


def test_nothing_counted_says_nothing() -> None:
    assert wilson_interval(0, 0) == (0, 1)
    assert accuracy_band(0, 0) == 1
    assert compare_paired(0, 0).verdict == "undecided"
    assert relative_error([]) is None
    assert relative_error([Errors(3, 10, 0, 10)]) is None


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


def test_the_band_holds() -> None:
    """Random models: the true change of accuracy lies within the band as often as its bound is right."""
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(400):
        flip, right = rng.uniform(0, 0.6), rng.uniform(0.2, 0.9)
        worse = rng.uniform(0, 1)  # of the flips of right answers; the others go from wrong to right or wrong
        change = flip * (right * worse)
        flips = rng.binomial(150, flip)
        inside.append(change <= accuracy_band(flips, 150))
    assert np.mean(inside) > 0.97


def test_relative_error_by_hand() -> None:
    found = relative_error([Errors(10, 100, 20, 100), Errors(30, 100, 20, 100), Errors(1, 10, 0, 10)])
    assert found is not None
    assert (found.value, found.types) == (pytest.approx((0.5 + 1.5) / 2), 2)
    assert found.low < found.value < found.high


def test_relative_error_covers() -> None:
    rng = np.random.default_rng(3)
    ours, theirs = rng.uniform(0.2, 0.5, 15), rng.uniform(0.3, 0.6, 15)
    truth = (ours / theirs).mean()
    covered = []
    for _ in range(500):
        counts = [
            Errors(rng.binomial(200, one), 200, rng.binomial(200, other), 200)
            for one, other in zip(ours, theirs, strict=True)
        ]
        found = relative_error(counts)
        assert found is not None
        covered.append(found.low <= truth <= found.high)
    assert 0.91 < np.mean(covered) < 0.99


def test_replayed_images_are_no_new_ones() -> None:
    assert (distinct(950, 200), distinct(50, 200)) == (200, 50)
