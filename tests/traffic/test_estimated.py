"""groupnl.traffic.estimated: intervals that cover, from counts alone."""

import numpy as np
import pytest

from groupnl.traffic.estimated import estimate, expected_accuracy

RUNS = 2000
HELD_BACK = 10_000


def test_nothing_looked_at_says_nothing():
    assert estimate({"a": 0}, {"a": 1.0}, HELD_BACK) is None
    assert expected_accuracy(0.0, 0, HELD_BACK) is None


def test_a_mean_of_weights_with_the_interval_of_agresti_and_coull():
    found = estimate({"a": 30, "b": 70}, {"a": 1.0}, images=1e12)
    assert found is not None
    assert found.value == pytest.approx(0.3)
    half = 1.959964 * (32 / 104 * 72 / 104 / 104) ** 0.5
    assert (found.low, found.high) == pytest.approx((32 / 104 - half, 32 / 104 + half), abs=1e-6)


def test_a_look_that_never_came_has_an_upper_bound():
    found = estimate({"a": 0, "b": 100}, {"a": 1.0}, HELD_BACK)
    assert found is not None
    assert (found.value, found.low) == (0.0, 0.0)
    assert 0.03 < found.high < 0.06


def test_weights_beyond_a_share_make_nothing_certain():
    """All of 70 images look so, each counted as 1.1: at least one in a hundred may still not be so, and the reverse."""
    all_of_them, none_of_them = (estimate({"a": 70}, {"a": weight}, HELD_BACK) for weight in (1.1, -0.1))
    assert all_of_them is not None
    assert none_of_them is not None
    assert (all_of_them.value, all_of_them.high) == (1.0, 1.0)
    assert all_of_them.low < 0.99
    assert (none_of_them.value, none_of_them.low) == (0.0, 0.0)
    assert none_of_them.high > 0.01


def test_few_held_back_images_widen_the_interval():
    few, many = (estimate({"a": 300, "b": 700}, {"a": 1.0}, images) for images in (100, 10_000))
    assert few is not None
    assert many is not None
    assert few.high - few.low > 2 * (many.high - many.low)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.5])
@pytest.mark.parametrize("images", [50, 500])
def test_intervals_of_weighted_looks_cover(share, images):
    rng = np.random.default_rng(0)
    looks = np.array([[0.95, 0.05], [0.3, 0.7]])  # of what is clean, of what is not
    slope = 1 / (0.7 - 0.05)
    weights = {0: -0.05 * slope, 1: 0.95 * slope}
    counts = rng.multinomial(images, share * looks[1] + (1 - share) * looks[0], RUNS)
    found = [estimate(dict(enumerate(row.tolist())), weights, HELD_BACK) for row in counts]
    covered = np.mean([each is not None and each.low <= share <= each.high for each in found])
    assert covered >= 0.93


def test_expected_accuracy_is_a_mean_with_at_least_its_own_error():
    found = expected_accuracy(380.0, 1000, HELD_BACK)
    assert found is not None
    assert found.value == pytest.approx(0.38)
    assert found.low < 0.33
    assert found.high > 0.43
