"""Flips relative to a reference's, and the difference of agreement: what their intervals cover, by simulation."""

import numpy as np
import pytest

from groupnl.robustness.statistics import paired_difference, relative_flips
from groupnl_studies.statistics.relative import MODELS, PAIRS, outcomes

RUNS = 600


@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("models", MODELS)
def test_the_interval_covers(pairs: int, models: str) -> None:
    ours, theirs = MODELS[models]
    truth = ours.mean() / theirs.mean()
    drawn = outcomes(ours, theirs, pairs, RUNS, np.random.default_rng(pairs))
    found = [relative for counts in drawn.sums() if (relative := relative_flips(*counts))]
    assert len(found) > 0.5 * RUNS
    assert np.mean([relative.low <= truth <= relative.high for relative in found]) >= 0.93


def test_a_mean_of_ratios_makes_alike_models_look_unlike() -> None:
    """Why it is a ratio of sums. Of models that are alike one look in twenty says that they are not."""
    drawn = outcomes(*MODELS["alike"], 216, RUNS, np.random.default_rng(1))
    assert drawn.means_of_ratios().mean() > 1.07
    assert (drawn.means_of_ratios() > 1.05).mean() > 0.5
    found = [relative for counts in drawn.sums() if (relative := relative_flips(*counts))]
    assert np.mean([relative.value for relative in found]) == pytest.approx(1, abs=0.03)
    assert np.mean([relative.differs for relative in found]) <= 0.06


@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("models", MODELS)
def test_the_difference_covers_at_one_look(pairs: int, models: str) -> None:
    ours, theirs = MODELS[models]
    truth = (theirs - ours).mean()
    drawn = outcomes(ours, theirs, pairs, RUNS, np.random.default_rng(pairs))
    found = [paired_difference(*counts[:2], pairs) for counts in drawn.sums()]
    assert np.mean([low <= truth <= high for low, high in found]) >= 0.93


def test_flips_by_hand() -> None:
    found = relative_flips(model_only=30, reference_only=5, both_flip=5)
    assert found is not None
    half = 1.959964 * np.sqrt(36 / (10.5 * 35.5))
    assert found.value == pytest.approx(10 / 35)
    assert (found.low, found.high) == pytest.approx((10.5 / 35.5 * np.exp(-half), 10.5 / 35.5 * np.exp(half)))
    assert found.differs
    assert relative_flips(0, 3, 0) is None
    none_of_ours = relative_flips(10, 0, 0)
    assert none_of_ours is not None
    assert (none_of_ours.value, none_of_ours.low) == (0, 0)


def test_differences_by_hand() -> None:
    half = 1.959964 * np.sqrt((0.37 - 0.0625) / 100)
    assert paired_difference(30, 5, 98) == pytest.approx((0.25 - half, 0.25 + half))
    assert paired_difference(0, 0, 0) == (-1, 1)
