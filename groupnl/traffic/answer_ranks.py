"""Where a live answer's confidence and entropy lie among those of held-back images."""

import math
import random
from collections.abc import Sequence

import torch
from torch import Tensor

from groupnl.metrics import CONFIDENCE, ENTROPY
from groupnl.traffic.record import TrafficRecord


class AnswerRanks:
    """Ranks answers; of images that are like the held-back ones the ranks spread evenly.

    Args:
        record: what the network answered to these.
        seed: of the random places within a bucket.
    """

    def __init__(self, record: TrafficRecord, seed: int = 0) -> None:
        self._record = record
        self._random = random.Random(seed)  # noqa: S311 (no secret)

    def ranks(self, probabilities: Tensor) -> tuple[float, float]:
        """Of one answer; in the order of `groupnl.traffic.drift.ANSWER_STATISTICS`.

        Args:
            probabilities: of the network's own, finite, float32 of shape (classes,).

        Returns:
            The ranks of its confidence and its entropy, 0 to 1.
        """
        most = math.log(len(probabilities)) or 1.0
        entropy = -float(torch.special.xlogy(probabilities, probabilities).sum()) / most
        confidence = float(probabilities.max())
        return (
            bucket_rank(confidence, CONFIDENCE.buckets, self._record.confidence, self._random.random()),
            bucket_rank(entropy, ENTROPY.buckets, self._record.entropy, self._random.random()),
        )


def bucket_rank(value: float, bounds: Sequence[float], counts: Sequence[int], draw: float) -> float:
    """Where a value lies among counted ones, 0 to 1: evenly spread where it comes from where they came from.

    Args:
        value: what is above the last bound counts as in its bucket.
        bounds: upper bounds of the buckets.
        counts: values in each, above 0 together.
        draw: uniform in 0 to 1: where in its bucket it is put.
    """
    below = 0
    for bound, count in zip(bounds, counts, strict=True):
        if value <= bound or bound == bounds[-1]:
            break
        below += count
    return (below + draw * count) / sum(counts)
