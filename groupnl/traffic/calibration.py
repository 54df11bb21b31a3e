"""What a network's confidence is worth: a temperature that makes it honest, and the estimate of accuracy that follows.

Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
"""

import math

import torch
from torch import Tensor

from groupnl.errors import ConfigError

BINS = 15  # of the calibration error, as Guo et al. have them
_LEAST, _MOST = 0.05, 20.0  # temperatures that are tried
_TOLERANCE = 1e-4


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature by which logits are to be divided: it makes the labels likeliest.

    Args:
        logits: float of shape (N, classes), N above 0.
        labels: int64 of shape (N,).

    Returns:
        0.05 to 20; above 1 the network is too sure of itself. The order of classes stays.

    Raises:
        ConfigError: there are no images, or a logit is not finite.
    """
    if not len(labels):
        raise ConfigError("a temperature cannot be fitted to no images; give some that are held back")
    if not bool(logits.isfinite().all()):
        raise ConfigError("a temperature cannot be fitted: the network's numbers are not finite")
    exact = logits.double()

    def loss(log_temperature: float) -> float:
        return float(torch.nn.functional.cross_entropy(exact / math.exp(log_temperature), labels))

    # In 1 / T the loss is convex, so it has one minimum in T: the golden section finds it.
    low, high = math.log(_LEAST), math.log(_MOST)
    golden = (math.sqrt(5) - 1) / 2
    while high - low > _TOLERANCE:
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return math.exp((low + high) / 2)


def calibrated(probabilities: Tensor, temperature: float) -> Tensor:
    """Probabilities as if the logits had been divided by the temperature.

    Args:
        probabilities: float of shape (B, classes), each row 1 in sum.
        temperature: above 0; 1 leaves them.
    """
    return torch.softmax(probabilities.log() / temperature, dim=1)


def clean_posterior(probabilities: Tensor, temperature: float, best: Tensor) -> Tensor:
    """The probability that an answer is right, as the answer to the clean image has it.

    What a corruption does to confidence does not matter here: only which class came to be named. Where the network is
    calibrated on the clean images, the mean is the accuracy of the corrupted answers.

    Args:
        probabilities: of the clean images, float of shape (B, classes).
        temperature: of `fit_temperature`.
        best: int64 of shape (B,), the corrupted answers' best classes; -1: no answer, which is never right.

    Returns:
        Of shape (B,), 0 to 1.
    """
    at_best = calibrated(probabilities, temperature).gather(1, best.clamp(min=0)[:, None]).squeeze(1)
    return at_best.where(best >= 0, 0.0)


def expected_calibration_error(confidence: Tensor, right: Tensor, bins: int = BINS) -> float:
    """How far confidence and accuracy lie apart, in bins of equal width, weighted with the images in each; 0 to 1.

    Args:
        confidence: of the best classes, float of shape (N,), N above 0.
        right: bool of shape (N,).
        bins: how many.
    """
    places = (confidence.double() * bins).ceil().long().clamp(1, bins) - 1
    gaps = torch.zeros(bins, dtype=torch.float64).index_add_(0, places, confidence.double() - right.double())
    return float(gaps.abs().sum() / len(confidence))
