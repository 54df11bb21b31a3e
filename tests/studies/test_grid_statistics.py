"""Studies that train: the paired test over seeds and images."""

import numpy as np
import pytest

from groupnl_studies.grid.statistics import compare, holm


def test_a_large_difference_over_all_seeds_is_seen() -> None:
    random = np.random.default_rng(0)
    theirs = random.random((3, 400)) < 0.5
    found = compare(np.clip(theirs + (random.random((3, 400)) < 0.2), 0, 1), theirs.astype(float))
    assert 0.02 < found.low < found.difference < found.high < 0.18
    assert found.p < 0.02


def test_by_hand() -> None:
    ours = np.array([[1.0, 1, 0, 1], [1, 1, 0, 0]])
    theirs = np.array([[0.0, 1, 0, 0], [0, 0, 0, 0]])
    # d = [[1,0,0,1],[1,1,0,0]]: mean 1/2, by seed (1/2, 1/2), by image (1, 1/2, 0, 1/2).
    # MS_seed = 0; MS_image = 2 * var = 2 * 1/6 = 1/3; MS_rest = 1/3, which is put for MS_seed;
    # variance = (1/3 + 0) / 8, one degree of freedom: t = 0.5 / 0.204 = 2.45, p = 1 - 2 atan(t) / pi.
    found = compare(ours, theirs)
    assert (found.difference, found.p) == pytest.approx((0.5, 1 - 2 * np.arctan(np.sqrt(6)) / np.pi))
    # With one answer of seed 1 changed: by seed (1/2, 1/4), MS_seed = 4 * 1/32 = 1/8, MS_image = 2 * 11/48 = 11/24,
    # MS_rest = 1/8; variance = (1/8 + 11/24 - 1/8) / 8, degrees of freedom = (11/24)^2 / (1/8)^2 = 13.4.
    ours[1, 1] = 0
    found = compare(ours, theirs)
    deviation = np.sqrt(11 / 24 / 8)
    assert found.difference == pytest.approx(3 / 8)
    assert (found.high - found.low) / 2 / deviation == pytest.approx(2.153, abs=0.002)  # t of 13.44 degrees, 97.5 %


def test_false_alarms_are_rare_where_seeds_and_images_both_vary() -> None:
    random = np.random.default_rng(1)
    for deviation in (0.0, 0.03):
        p_values = []
        for _ in range(600):
            by_seed, by_image = random.normal(0, deviation, (3, 1)), random.normal(0, 0.5, (1, 200))
            d = by_seed + by_image + random.normal(0, 0.5, (3, 200))
            p_values.append(compare(d, np.zeros_like(d)).p)
        assert np.mean(np.array(p_values) < 0.05) < 0.07
        assert np.mean(np.array(p_values) < 0.05 / 12) < 0.01  # where Holm's method begins with twelve tests


def test_equal_designs_differ_by_nothing() -> None:
    right = np.ones((3, 5))
    assert compare(right, right) == (0.0, 0.0, 0.0, 1.0)


def test_holm_raises_in_order_and_never_above_one() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
