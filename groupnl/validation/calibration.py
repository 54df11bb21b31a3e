"""What a network's confidence is worth on a set of images: calibration errors, and how well it tells its own errors.

Sources: the expected calibration error with 15 bins of equal width is that of Guo et al., On Calibration of Modern
Neural Networks, ICML 2017. The RMS calibration error with bins of 100 images each, in the order of their confidence, is
that of Hendrycks et al., Deep Anomaly Detection with Outlier Exposure, ICLR 2019 (arXiv 1812.04606). The area under the
risk-coverage curve is that of Geifman et al., Bias-Reduced Uncertainty Estimation, ICLR 2019 (arXiv 1805.08206).

None of them can be formed from sums, so each answer is kept until its cell is done: eight bytes that hold its
confidence and whether it was right. They can be joined in any order.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from groupnl.traffic.calibration import expected_calibration_error

_EACH = 100  # images of a bin of the RMS calibration error
_STEPS = 2**52  # of the confidence: as fine as numbers of 64 bits are near 1
_TYPE = np.dtype("<i8")


class Calibration(NamedTuple):
    """What is reported of a set; each 0 to 1, and 0 is best.

    Attributes:
        ece: expected calibration error: how far confidence and accuracy lie apart in each bin, by its images.
        rms: root of the mean square of the same, in bins of equal numbers of images.
        aurc: area under the risk-coverage curve: mean, over all shares of the most confident answers, of their errors.
    """

    ece: float
    rms: float
    aurc: float


def packed(confidence: Tensor, right: Tensor) -> bytes:
    """Answers, as they are kept and joined.

    Args:
        confidence: of the best classes, float64 of shape (B,), 0 to 1.
        right: bool of shape (B,).
    """
    steps = (confidence.double() * _STEPS).round().long()
    joined: NDArray[np.int64] = (steps * 2 + right.long()).cpu().numpy().astype(_TYPE)
    return joined.tobytes()


def calibration(answers: bytes) -> Calibration:
    """The figures of all answers of a set, in whatever order they come.

    Args:
        answers: at least one, see `packed`.
    """
    ordered = np.sort(np.frombuffer(answers, _TYPE))
    confidence, right = ordered // 2 / _STEPS, ordered % 2 == 1
    accuracy = _of_equals(confidence, right)
    return Calibration(
        ece=expected_calibration_error(torch.from_numpy(confidence), torch.from_numpy(right)),
        rms=_rms(confidence, accuracy),
        aurc=_area(accuracy),
    )


def _of_equals(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The accuracy of all answers of each one's confidence: among equals none comes first, so their mean stands in."""
    _, group, sizes = np.unique(confidence, return_inverse=True, return_counts=True)
    return (np.bincount(group, right) / sizes)[group]


def _rms(confidence: NDArray[np.float64], accuracy: NDArray[np.float64]) -> float:
    """Where the last bin would have fewer than 100 images, they are in the one before it."""
    edges = np.arange(max(1, len(accuracy) // _EACH)) * _EACH
    sizes = np.diff(np.append(edges, len(accuracy)))
    gaps = np.add.reduceat(confidence - accuracy, edges) / sizes
    return float(np.sqrt(np.average(gaps**2, weights=sizes)))


def _area(accuracy: NDArray[np.float64]) -> float:
    wrong = 1 - accuracy[::-1]  # the most confident first
    return float(np.mean(np.cumsum(wrong) / np.arange(1, len(wrong) + 1)))
