"""groupnl.robustness.always_valid against simulations whose mean is known, looked at after every outcome."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from groupnl.robustness.always_valid import always_valid_mean, always_valid_share, log_capital, surely_at_least

Counts = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
LOOKS = 1500


def _counts(shares: tuple[float, float, float], runs: int = 300) -> Counts:
    """Outcomes of 1, 0 and -1 after each of them; each of shape (runs, LOOKS)."""
    drawn = np.random.default_rng(5).choice(3, (runs, LOOKS), p=shares)
    plus, zero, minus = (np.cumsum(drawn == kind, axis=1) for kind in range(3))
    return plus, zero, minus


def _ruled_out(counts: Counts, mean: float, alpha: float) -> NDArray[np.bool_]:
    """Whether each run rules the mean out after any of its outcomes, on either side."""
    plus, zero, minus = counts
    limit = math.log(2 / alpha)
    below = log_capital(plus, zero, minus, mean) >= limit
    above = log_capital(minus, zero, plus, -mean) >= limit
    return (below | above).any(axis=1)


@pytest.mark.parametrize(
    "shares", [(0.05, 0.9, 0.05), (0.2, 0.6, 0.2), (0.5, 0, 0.5), (0.3, 0.6, 0.1), (0.01, 0.99, 0)]
)
def test_the_true_mean_is_rarely_ever_ruled_out(shares: tuple[float, float, float]) -> None:
    assert _ruled_out(_counts(shares), shares[0] - shares[2], alpha=0.05).mean() <= 0.05


def test_a_usual_interval_that_is_looked_at_each_time_is_often_wrong() -> None:
    plus, _, minus = _counts((0.2, 0.6, 0.2))
    beyond = np.abs(plus - minus) > 1.96 * np.sqrt(plus + minus + 1)
    assert beyond.any(axis=1).mean() > 0.2


def test_another_mean_is_ruled_out() -> None:
    assert _ruled_out(_counts((0.2, 0.7, 0.1), runs=100), 0.0, alpha=0.05).mean() > 0.95


@pytest.mark.parametrize("counts", [(3, 5, 0), (120, 800, 80), (0, 40, 0), (0, 0, 7), (1, 0, 0), (2.5, 100.25, 7.5)])
def test_the_ends_are_where_the_bets_reach_the_limit(counts: tuple[float, float, float]) -> None:
    plus, zero, minus = counts
    low, high = always_valid_mean(plus, zero, minus, alpha=0.05)
    assert -1 <= low < (plus - minus) / (plus + zero + minus) < high <= 1 or (low, high) in [(-1, high), (low, 1)]
    assert low == -1 or log_capital(plus, zero, minus, low) == pytest.approx(math.log(40))
    assert high == 1 or log_capital(minus, zero, plus, -high) == pytest.approx(math.log(40))


def test_every_mean_outside_is_ruled_out_and_none_within() -> None:
    low, high = always_valid_mean(30, 200, 10)
    for mean in np.linspace(-0.99, 0.99, 199):
        above = log_capital(30, 200, 10, float(mean)) >= math.log(40)
        below = log_capital(10, 200, 30, float(-mean)) >= math.log(40)
        assert (above or below) == (not low < mean < high)


def test_what_is_surely_reached_lies_below_the_interval() -> None:
    low, _ = always_valid_mean(30, 200, 10)
    assert surely_at_least(30, 200, 10, low - 1e-6)
    assert not surely_at_least(30, 200, 10, low + 1e-6)
    assert surely_at_least(0, 0, 0, -1)


def test_signs_turn_the_interval() -> None:
    low, high = always_valid_mean(30, 200, 10)
    assert always_valid_mean(10, 200, 30) == pytest.approx((-high, -low))


@pytest.mark.parametrize("images", [1_000, 10_000, 1_000_000])
@pytest.mark.parametrize("differing", [0.1, 0.4])
def test_it_is_not_twice_as_wide_as_that_of_one_look(images: int, differing: float) -> None:
    half = images * differing / 2
    low, high = always_valid_mean(half, images - 2 * half, half)
    assert high == pytest.approx(-low)
    assert 1.5 < high / (1.96 * math.sqrt(differing / images)) < 2


def test_identical_models_are_soon_known_to_be_alike() -> None:
    assert always_valid_mean(0, 700, 0).low > -0.01
    assert always_valid_share(700, 700).low > 0.99


def test_nothing_counted_says_nothing() -> None:
    assert always_valid_mean(0, 0, 0) == (-1, 1)
    assert always_valid_share(0, 0) == (0, 1)


def test_a_share_is_the_mean_of_two_outcomes() -> None:
    low, high = always_valid_share(60, 100)
    assert always_valid_mean(60, 0, 40) == pytest.approx((2 * low - 1, 2 * high - 1))
    assert low < 0.6 < high
