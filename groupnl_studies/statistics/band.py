"""Accuracy under corruption and the label-free band, at few pairs and many, and on traffic unlike the probe set."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from groupnl.robustness.statistics import accuracy_band, largest_change, wilson_interval
from groupnl_studies.statistics.finding import Finding, share_of
from groupnl_studies.statistics.stream import Stream

PAIRS = (5, 25, 100, 216, 700)
PROBE_IMAGES = 200
CLEAN = 0.6  # accuracy on images like the probe set's
FLIPS = np.linspace(0.05, 0.55, 19)  # under each corruption, as unlike as those of the default models

Shares = NDArray[np.float64]


def outside(truth: Shares, clean: float, flips: Shares, pairs: int, runs: int, rng: np.random.Generator) -> Shares:
    """Under each corruption the share of runs whose band does not hold the true accuracy.

    Args:
        truth: float (corruptions,), accuracy of live images.
        clean: accuracy of the probe set's.
        flips: float (corruptions,), true shares.
        pairs: live ones of each corruption.
        runs: how often everything is counted.
        rng: of all random numbers.
    """
    missed = np.zeros(len(flips))
    for right, counts in _counted(clean, flips, pairs, runs, rng):
        bands = [accuracy_band(wilson_interval(right, PROBE_IMAGES), count, pairs) for count in counts]
        missed += [not low <= true <= high for (low, high), true in zip(bands, truth, strict=True)]
    return missed / runs


def outside_of_bare_shares(
    truth: Shares, clean: float, flips: Shares, pairs: int, runs: int, rng: np.random.Generator
) -> Shares:
    """The same for the counted accuracy plus or minus the counted flips, as though both were known."""
    missed = np.zeros(len(flips))
    for right, counts in _counted(clean, flips, pairs, runs, rng):
        missed += np.abs(truth - right / PROBE_IMAGES) > np.asarray(counts) / pairs
    return missed / runs


def _counted(
    clean: float, flips: Shares, pairs: int, runs: int, rng: np.random.Generator
) -> Iterator[tuple[int, list[int]]]:
    for _ in range(runs):
        yield int(rng.binomial(PROBE_IMAGES, clean)), rng.binomial(pairs, flips).tolist()


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    worst = CLEAN - FLIPS  # every flip leaves a right answer
    trials = runs * len(FLIPS)
    for pairs in PAIRS:
        case = f"{pairs} pairs of each corruption, every flip leaves a right answer"
        missed = round(outside(worst, CLEAN, FLIPS, pairs, runs, rng).sum() * runs)
        yield share_of(case, "truth outside the band", missed, trials, at_most=0.05)
        missed = round(outside_of_bare_shares(worst, CLEAN, FLIPS, pairs, runs, rng).sum() * runs)
        yield share_of(case, "truth outside the counted shares", missed, trials)
    # Flags: live images of an easy class alone, where the probe set has all kinds.
    easy, corrupted, flips = 0.95, 0.82, np.array([0.17])
    case = f"right in {100 * easy:.0f} % of live images, in 38 % of the probe set"
    missed = round(outside(np.array([corrupted]), 0.38, flips, 216, runs, rng)[0] * runs)
    yield share_of(case, "truth outside the band, which promises nothing here", missed, runs)
    held = sum(easy - corrupted <= largest_change(count, 216) for count in rng.binomial(216, flips[0], runs).tolist())
    yield share_of(case, "the loss is no larger than the largest change", held, runs, at_least=0.95)


STREAM = Stream("band", "accuracy under corruption beside the label-free band", 300, _simulate)
