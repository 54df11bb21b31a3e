"""What the network says of the live images: how sure it is, between how many classes it wavers, which it names.

They are the network's own probabilities, also where calibrated ones are served: so a change of the traffic shows, and
what is expected of it stays comparable.
"""

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from groupnl.metrics import CONFIDENCE, ENTROPY, OTHER_CLASS, PREDICTED, Metrics

MOST_CLASSES = 50  # that are counted by their names


class AnswerCounts:
    """Counts live answers, a batch at a time: in the reply's way, so it costs some microseconds an answer.

    Args:
        metrics: of the worker.
        classes: the model's.
        frequent: those that are counted by their names; None: all of them where they are few, else none.
    """

    def __init__(self, metrics: Metrics, classes: Sequence[str], frequent: Sequence[str] | None = None) -> None:
        if frequent is None:
            frequent = classes if len(classes) <= MOST_CLASSES else ()
        named = set(frequent)
        self._metrics = metrics
        self._names = [name if name in named else OTHER_CLASS for name in classes]
        self._most_entropy = math.log(len(classes)) or 1.0
        metrics.start_at_zero(CONFIDENCE)
        metrics.start_at_zero(ENTROPY)
        metrics.start_at_zero(PREDICTED, **{"class": [*frequent, OTHER_CLASS]})

    def add(self, logits: Tensor, are_own: Sequence[bool]) -> None:
        """Count answers; those that are not finite are none.

        Args:
            logits: float32 of shape (B, classes).
            are_own: of each, whether the service itself has asked: that is no traffic.
        """
        with np.errstate(all="ignore"):  # what is not finite is left out below
            numbers = logits.numpy()
            best = numbers.argmax(axis=1)
            below = numbers - np.maximum.reduce(numbers, axis=1, keepdims=True)
            parts = np.exp(below)
            totals = np.add.reduce(parts, axis=1)
            sums = np.add.reduce(np.multiply(parts, below, out=parts), axis=1)
        for place, total, summed, is_own in zip(best.tolist(), totals.tolist(), sums.tolist(), are_own, strict=True):
            if not (is_own or math.isnan(summed)):
                ratio = (math.log(total) - summed / total) / self._most_entropy
                self._metrics.observe(CONFIDENCE, min(1 / total, 1.0))
                self._metrics.observe(ENTROPY, min(max(ratio, 0.0), 1.0))
                self._metrics.inc(PREDICTED, **{"class": self._names[place]})
