"""Flips relative to a reference's, and the difference of agreement: what their intervals cover, by simulation."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from groupnl.corruptions.names import CELLS
from groupnl.robustness.record import read_record
from groupnl.robustness.statistics import paired_difference, relative_flips

PAIRS = [25, 100, 216, 700, 2160]
RUNS = 600
DISCORDANCE = 0.266


def _flips(name: str) -> np.ndarray:
    """The share of flips in each cell."""
    record = read_record(Path(f"model_store/{name}.robustness.json"))
    return np.array([record.figures()[cell].flips for cell in CELLS]) / record.images


OURS, THEIRS = _flips("efficientnet_gnl_es"), _flips("efficientnet_es")
MODELS = {
    "the default ones": (OURS, THEIRS),
    "one flips less": (0.7 * OURS, THEIRS),
    "both hardly ever flip": (0.02 + 0.1 * OURS, 0.02 + 0.1 * THEIRS),
}


class Counts(NamedTuple):
    """Outcomes under each corruption: int64 of shape (runs, corruptions)."""

    model_only: np.ndarray
    reference_only: np.ndarray
    both_flip: np.ndarray

    def sums(self) -> list[list[int]]:
        """Model only, reference only, both flip, of each run."""
        return np.stack(self).sum(axis=2).T.tolist()


def _outcomes(ours: np.ndarray, theirs: np.ndarray, pairs: int, runs: int = RUNS) -> Counts:
    """Pairs that meet cells by chance; as many of them discordant as of the default models.

    Args:
        ours: share of the model's flips in each cell.
        theirs: of its reference's.
        pairs: of each run.
        runs: how many.
    """
    rng = np.random.default_rng(pairs)
    either = ours * (1 - theirs) + theirs * (1 - ours)
    both = np.clip((ours + theirs - either * min(1, DISCORDANCE / either.mean())) / 2, 0, np.minimum(ours, theirs))
    shares = np.stack([theirs - both, ours - both, both, 1 - ours - theirs + both], axis=1).ravel() / len(CELLS)
    drawn = rng.multinomial(pairs, shares, runs).reshape(runs, 19, 5, 4).sum(axis=2)
    return Counts(drawn[..., 0], drawn[..., 1], drawn[..., 2])


@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("models", MODELS)
def test_the_interval_covers(pairs: int, models: str) -> None:
    ours, theirs = MODELS[models]
    truth = ours.mean() / theirs.mean()
    found = [relative_flips(*counts) for counts in _outcomes(ours, theirs, pairs).sums()]
    held = [relative.low <= truth <= relative.high for relative in found if relative is not None]
    assert len(held) > 0.4 * RUNS
    assert np.mean(held) >= 0.93


@pytest.mark.parametrize("pairs", PAIRS)
def test_models_that_are_alike_differ_in_one_look_of_twenty_at_most(pairs: int) -> None:
    found = [relative_flips(*counts) for counts in _outcomes(OURS, OURS, pairs).sums()]
    assert np.mean([relative is not None and relative.differs for relative in found]) <= 0.06


def test_a_mean_of_ratios_makes_alike_models_look_unlike() -> None:
    """Why it is a ratio of sums: at 216 pairs a mean over corruptions says 8 % more flips and worse."""
    counts = _outcomes(OURS, OURS, 216)
    flips, base = counts.reference_only + counts.both_flip, counts.model_only + counts.both_flip
    ratios = np.where(base > 0, flips / np.maximum(base, 1), np.nan)
    mean_of_ratios = np.nanmean(ratios, axis=1)
    assert mean_of_ratios.mean() > 1.08
    assert (mean_of_ratios > 1.05).mean() > 0.5
    ratio_of_sums = [found.value for sums in counts.sums() if (found := relative_flips(*sums))]
    assert np.mean(ratio_of_sums) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("models", MODELS)
def test_the_difference_covers_at_one_look(pairs: int, models: str) -> None:
    ours, theirs = MODELS[models]
    counts = _outcomes(ours, theirs, pairs)
    truth = (theirs - ours).mean()
    found = [paired_difference(model_only, reference_only, pairs) for model_only, reference_only, _ in counts.sums()]
    assert np.mean([low <= truth <= high for low, high in found]) >= 0.93


def test_by_hand() -> None:
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
    assert paired_difference(30, 5, 98) == pytest.approx(
        (0.25 - 1.959964 * np.sqrt((0.37 - 0.0625) / 100), 0.25 + 1.959964 * np.sqrt((0.37 - 0.0625) / 100))
    )
    assert paired_difference(0, 0, 0) == (-1, 1)
