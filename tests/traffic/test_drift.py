"""groupnl.traffic.drift: distances, what chance allows, ranks."""

import numpy as np
import pytest
from scipy import stats

from groupnl.traffic.drift import (
    GAP_NOISE,
    STATISTIC_MARGIN,
    WINDOWS,
    Gap,
    class_noise,
    gap_noise,
    largest_gap,
    total_variation,
)

BOUNDS = [place / 20 for place in range(1, 21)]


def test_the_gap_is_scipys_at_the_bounds():
    rng = np.random.default_rng(0)
    values = np.ceil(rng.beta(2, 1, 300) * 20) / 20
    observed = [float((values <= bound).mean()) for bound in BOUNDS]
    assert largest_gap(observed, BOUNDS) == pytest.approx(
        stats.ks_1samp(values, stats.uniform.cdf, method="asymp").statistic, abs=0.05
    )
    assert largest_gap(BOUNDS, BOUNDS) == 0


def test_classes_that_share_nothing_are_as_far_apart_as_can_be():
    assert total_variation({"a": 1.0}, {"b": 1.0}) == 1
    assert total_variation({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5}) == 0
    assert total_variation({"a": 0.5, "b": 0.5}, {"a": 0.7, "c": 0.3}) == pytest.approx(0.5)


def test_chance_explains_a_part():
    assert Gap(0.3, 0.1).beyond == pytest.approx(0.2)
    assert Gap(0.05, 0.1).beyond == 0


@pytest.mark.parametrize("window", WINDOWS)
def test_chance_hardly_ever_passes_the_margin(window):
    rng = np.random.default_rng(0)
    ranks = rng.random((2000, 60))
    observed = np.stack([(ranks <= bound).mean(axis=1) for bound in BOUNDS], axis=1)
    gaps = [largest_gap(row, BOUNDS) for row in observed.tolist()]
    assert max(gaps) - gap_noise(window, 60, 1000) < STATISTIC_MARGIN
    assert GAP_NOISE[window] >= 1


def test_the_classes_noise_is_what_chance_makes_on_average():
    rng = np.random.default_rng(0)
    shares = dict(zip("abcdef", [0.4, 0.2, 0.2, 0.1, 0.05, 0.05], strict=True))
    counts = rng.multinomial(400, list(shares.values()), 500) / 400
    found = [total_variation(dict(zip(shares, row, strict=True)), shares) for row in counts.tolist()]
    assert class_noise(shares, 400, 1e12) == pytest.approx(np.mean(found), rel=0.05)
