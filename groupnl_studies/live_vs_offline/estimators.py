"""What accuracy under a corruption is said to be without labels, by several methods.

Each sees a labelled, clean set of images that were held back, and of the traffic only what the network says, clean and
corrupted. Sources: CBPE is the average confidence after temperature scaling, Guo et al., ICML 2017; DoC: Guillory et
al., ICCV 2021; ATC: Garg et al., ICLR 2022. The clean posterior needs both answers to the same image, which only
shadows have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from groupnl.traffic.calibration import calibrated, clean_posterior, fit_temperature


class HeldBackAnswers:
    """Clean answers to labelled images.

    Args:
        logits: float32 of shape (N, classes).
        labels: int64 of shape (N,).

    Attributes:
        accuracy: of these answers.
        temperature: that fits them.
        probabilities: calibrated with it.
    """

    def __init__(self, logits: Tensor, labels: Tensor) -> None:
        self.accuracy = float((logits.argmax(dim=1) == labels).double().mean())
        self.temperature = fit_temperature(logits, labels)
        self.probabilities = calibrated(logits.softmax(dim=1), self.temperature)


@dataclass(frozen=True)
class Unlabelled:
    """Answers to the same images of the traffic, clean and corrupted.

    Attributes:
        clean: logits, float32 of shape (N, classes).
        corrupted: the same.
        temperature: of the held-back answers.
    """

    clean: Tensor
    corrupted: Tensor
    temperature: float

    @cached_property
    def probabilities(self) -> Tensor:
        """Of the corrupted answers, calibrated on clean ones."""
        return calibrated(self.corrupted.softmax(dim=1), self.temperature)


def confidence(probabilities: Tensor) -> Tensor:
    """Of the best class, of shape (N,)."""
    return probabilities.amax(dim=1)


def certainty(probabilities: Tensor) -> Tensor:
    """Entropy's negative, nats, of shape (N,)."""
    found: Tensor = torch.special.xlogy(probabilities, probabilities).sum(dim=1)
    return found


def _clean_posterior(_: HeldBackAnswers, traffic: Unlabelled) -> float:
    best = traffic.corrupted.argmax(dim=1)
    return float(clean_posterior(traffic.clean.softmax(dim=1), traffic.temperature, best).mean())


def _average_confidence(_: HeldBackAnswers, traffic: Unlabelled) -> float:
    return float(confidence(traffic.probabilities).mean())


def _difference_of_confidences(held_back: HeldBackAnswers, traffic: Unlabelled) -> float:
    lost = confidence(held_back.probabilities).mean() - confidence(traffic.probabilities).mean()
    return min(max(held_back.accuracy - float(lost), 0.0), 1.0)


def _thresholded(score: Callable[[Tensor], Tensor]) -> Callable[[HeldBackAnswers, Unlabelled], float]:
    """The share of images above the score that as many held-back ones pass as were answered rightly."""

    def estimate(held_back: HeldBackAnswers, traffic: Unlabelled) -> float:
        limit = score(held_back.probabilities).quantile(1 - held_back.accuracy)
        return float((score(traffic.probabilities) > limit).double().mean())

    return estimate


NAIVE = "the clean accuracy"
POSTERIOR = "clean posterior"
# Name -> estimate of the accuracy of the corrupted answers, 0 to 1. The clean accuracy is the centre of the band, too.
ESTIMATORS: Mapping[str, Callable[[HeldBackAnswers, Unlabelled], float]] = {
    NAIVE: lambda held_back, _: held_back.accuracy,
    POSTERIOR: _clean_posterior,
    "CBPE": _average_confidence,
    "DoC": _difference_of_confidences,
    "ATC, entropy": _thresholded(certainty),
    "ATC, confidence": _thresholded(confidence),
}
