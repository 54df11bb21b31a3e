"""How an image is corrupted in a cell: whenever the same key meets it under the same seed, alike."""

from groupnl.corruptions import Cell, CorruptionSpec
from groupnl.robustness.sampling import seed_of


def spec_of(key: str, cell: Cell, seed: int) -> CorruptionSpec:
    """What is to happen to an image.

    Args:
        key: of the image or of its request.
        cell: the corruption and its severity.
        seed: of the service, or of the measurement.
    """
    return CorruptionSpec(*cell, seed_of(key, *cell, seed))
