"""Whether an engine answers as the network does in float32, and which difference is too much."""

from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.errors import RewriteError
from groupnl.inference.engines.engine import Engine

LEAST_AGREEMENT = 0.99  # share of the images
LARGEST_SHIFT = 0.005  # of the accuracy, up or down; half a point


class Agreement(NamedTuple):
    """One network in one way, beside its published form in eager float32.

    Attributes:
        network: its name.
        way: name of the way.
        images: how many both answered.
        same: for how many both name the same class first.
        correct: how many the way answers rightly.
        reference_correct: how many the reference answers rightly.
        largest_difference: of a class's probability, over all images and classes, in [0, 1].
        mean_difference: of the probability of the reference's first class, mean of the absolute values.
    """

    network: str
    way: str
    images: int
    same: int
    correct: int
    reference_correct: int
    largest_difference: float
    mean_difference: float

    @property
    def agreement(self) -> float:
        """Share of the images with the same first class."""
        return self.same / self.images

    @property
    def shift(self) -> float:
        """Accuracy less that of the reference, in [-1, 1]."""
        return (self.correct - self.reference_correct) / self.images

    @property
    def passes(self) -> bool:
        """Whether the way may stand for the reference."""
        return self.agreement >= LEAST_AGREEMENT and abs(self.shift) <= LARGEST_SHIFT


def compare(network: str, way: str, expected: Tensor, logits: Tensor, labels: Tensor) -> Agreement:
    """Compare the answers to the same images.

    Args:
        network: its name.
        way: name of the way.
        expected: the reference's logits, float32 (N, classes), N at least 1.
        logits: the way's, of the same shape.
        labels: int64 (N,), positions among the classes.

    Raises:
        RewriteError: logits that are not finite.
    """
    if not bool(logits.isfinite().all()):
        raise RewriteError(f"{network} in the way {way} gives logits that are not finite: it cannot be used")
    before, after = expected.argmax(1), logits.argmax(1)
    # As the service makes them, but in float64.
    differences = (expected.double().softmax(1) - logits.double().softmax(1)).abs()
    return Agreement(
        network=network,
        way=way,
        images=len(labels),
        same=int((before == after).sum()),
        correct=int((after == labels).sum()),
        reference_correct=int((before == labels).sum()),
        largest_difference=float(differences.max()),
        mean_difference=float(differences.gather(1, before[:, None]).mean()),
    )


def answers(engine: Engine, pixels: Tensor, batch_size: int) -> Tensor:
    """Logits of all images, batch by batch.

    Args:
        engine: takes the images and gives logits.
        pixels: uint8 (N, 3, S, S), N at least 1.
        batch_size: images at once.
    """
    return torch.cat([engine(batch) for batch in torch.split(pixels, batch_size)])
