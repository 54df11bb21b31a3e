"""What part of the traffic is corrupted how, and what follows for accuracy: from what the images look like.

An image looks like one of 96 things: clean, or one of the cells. Looks err, and a confusion matrix of held-back images
says how. Its regularised inverse gives each look a weight, so that the mean weight over the traffic is the share of a
corruption, or the accuracy that held-back images of such a mixture had. A mean adds up over workers, replicas and
windows, and Prometheus computes it as `groupnl.traffic.estimated` does.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from groupnl.corruptions.names import CELLS, NAMES, SEVERITIES, Cell
from groupnl.metrics import NONE
from groupnl.robustness.record import RobustnessRecord
from groupnl.traffic.record import LOOKS

KINDS = (NONE, *NAMES)
ACCURACY, AGREEMENT = FIGURES = ("accuracy", "agreement")
# Smaller weights are left out, here and in the metrics: together they would change a share by less than this. The
# weight of looking clean is small, too, but nearly all images look clean.
LEAST_WEIGHT = 0.001
# Traffic as the inverse takes it to be, before it has seen any: so many clean images among all. What clean traffic is
# said to be has to be right above all.
CLEAN_SHARE = 0.8
# ... and so many images to tell from: for more, the inverse would follow the confusion more closely and spread wider.
IMAGES = 1000.0

Array = NDArray[np.float64]


def share_weights(confusion: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    """What an image adds to the share of each corruption, by what it looks like.

    Args:
        confusion: (96, 96), held-back images that are i (row) and look like j (column); 0 is clean, then `CELLS` in
            their order. Each row has images.

    Returns:
        Corruption ("none" among them) -> look (a corruption, too) -> weight; those below `LEAST_WEIGHT` are not there.
    """
    looks = _rates(_by_kind(confusion))
    prior = np.diag(_prior(len(KINDS)))
    # The linear estimator with the least mean square error: E[share look] E[look look]^-1, for mixtures in which one
    # part is all of the traffic as often as it is common.
    seen = looks.T @ prior @ looks + np.diag(_prior(len(KINDS)) @ looks) / IMAGES
    weights = np.linalg.solve(seen, looks.T @ prior).T
    return {kind: _large(KINDS, row) for kind, row in zip(KINDS, weights, strict=True)}


def figure_weights(confusion: NDArray[np.int64], record: RobustnessRecord) -> dict[str, dict[Cell | None, float]]:
    """What an image adds to accuracy and agreement, by what it looks like.

    For images that are truly of one cell the mean weight is what held-back images had in that cell, as nearly as the
    looks can tell the cells apart. The agreement of clean images is 1.

    Args:
        confusion: as in `share_weights`.
        record: of the same network.

    Returns:
        "accuracy" and "agreement" -> look (None: clean) -> weight. Empty where the record has not all cells: what was
        not measured cannot be expected.
    """
    measured = record.figures()
    if any(cell not in measured for cell in CELLS):
        return {}
    figures = [measured[cell] for cell in CELLS]
    accuracy = np.array([record.clean_correct, *(each.correct for each in figures)]) / record.images
    agreement = np.array([record.images, *(record.images - each.flips for each in figures)]) / record.images
    looks = _rates(confusion)
    return {
        name: dict(zip(LOOKS, _fitted(looks, wanted).tolist(), strict=True))
        for name, wanted in zip(FIGURES, (accuracy, agreement), strict=True)
    }


def _fitted(looks: Array, wanted: Array) -> Array:
    """Weights (96,) whose mean over a row's looks is what is wanted of it, spread around the mean of all."""
    prior = _prior(len(looks))
    middle = float(prior @ wanted)
    seen = (looks.T * prior) @ looks + np.diag(prior @ looks) / IMAGES
    return np.asarray(middle + np.linalg.solve(seen, (looks.T * prior) @ (wanted - middle)))


def _prior(parts: int) -> Array:
    return np.array([CLEAN_SHARE, *[(1 - CLEAN_SHARE) / (parts - 1)] * (parts - 1)])


def _rates(counts: NDArray[np.int64]) -> Array:
    """Each row's looks as shares; no look is impossible: half an image of each is spread over the row."""
    smoothed = counts + 0.5 / counts.shape[1]
    return np.asarray(smoothed / smoothed.sum(axis=1, keepdims=True))


def _by_kind(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    """(20, 20): severities added up."""
    starts = [0, *range(1, len(LOOKS), len(SEVERITIES))]
    return np.asarray(np.add.reduceat(np.add.reduceat(confusion, starts, axis=0), starts, axis=1))


def _large(names: Sequence[str], weights: Array) -> dict[str, float]:
    return {name: weight for name, weight in zip(names, weights.tolist(), strict=True) if abs(weight) >= LEAST_WEIGHT}
