"""Chains of operations, mixed with one another and with the image, as AugMix and PRIME have it."""

from collections.abc import Sequence

import numpy as np

from groupnl.training.robust.augmentation import Augmentation, Pixels

_WIDTH = 3  # chains
_DEPTH = 3  # operations of a chain, at most


def mixture(image: Pixels, random: np.random.Generator, operations: Sequence[Augmentation]) -> Pixels:
    """Mix an image with three chains of one to three operations each.

    The chains' shares, and then the share of what they make, are drawn evenly from all that there can be.

    Args:
        image: (S, S, 3).
        random: of shares, depths and operations.
        operations: that chains are made of.
    """
    chains = np.zeros(image.shape, np.float32)
    for weight in random.dirichlet(np.ones(_WIDTH)):
        chains += np.float32(weight) * _chain(image, random, operations)
    share = np.float32(random.random())
    mixed: Pixels = np.rint((1 - share) * image + share * chains).astype(np.uint8)
    return mixed


def _chain(image: Pixels, random: np.random.Generator, operations: Sequence[Augmentation]) -> Pixels:
    for chosen in random.integers(len(operations), size=random.integers(1, _DEPTH + 1)):
        image = operations[chosen](image, random)
    return image
