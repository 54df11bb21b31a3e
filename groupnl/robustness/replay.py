"""How an image is corrupted in a cell: whenever the same key meets it under the same seed, alike."""

from groupnl.corruptions import Cell, Request
from groupnl.robustness.sampling import seed_of


def request_of(key: str, cell: Cell, seed: int) -> Request:
    """What is to happen to an image.

    Args:
        key: of the image or of its request.
        cell: the corruption and its severity.
        seed: of the service, or of the measurement.
    """
    return Request(*cell, seed_of(key, *cell, seed))
