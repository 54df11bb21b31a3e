"""The service's rule for "so much of the traffic looks like this corruption", for many streams at a time."""

import numpy as np
from numpy.typing import NDArray

from groupnl.metrics import NONE
from groupnl.traffic.drift import LEAST_IMAGES, SHARE_MARGIN, SHARE_Z
from groupnl.traffic.estimated import ADDED
from groupnl.traffic.mixture import KINDS, share_weights

Array = NDArray[np.float64]


class Watch:
    """Reads counts of looks as `groupnl.traffic.estimated.estimate` and the alerts do.

    Args:
        confusion: int64 (96, 96), see `groupnl.traffic.file.Traffic`.
    """

    def __init__(self, confusion: NDArray[np.int64]) -> None:
        weights = share_weights(confusion)
        rows = [[weights[kind].get(look, 0.0) for look in KINDS] for kind in KINDS if kind != NONE]
        self._weights = np.array(rows)
        self._images = float(confusion[0].sum())

    def shares(self, counts: Array) -> Array:
        """Estimated share of each corruption.

        Args:
            counts: images by what they look like, severities together, (..., 20), clean first.

        Returns:
            (..., 19).
        """
        shares: Array = counts @ self._weights.T / np.maximum(counts.sum(-1, keepdims=True), 1)
        return shares

    def told(self, counts: Array, window: str) -> NDArray[np.bool_]:
        """Of which corruptions it is told that the traffic carries them, (..., 19); counts as in `shares`."""
        images = counts.sum(-1, keepdims=True)
        total = images + 2 * ADDED
        middle = (counts @ self._weights.T + ADDED) / total
        squares = (counts @ (self._weights**2).T + ADDED) / total
        variance = np.maximum(squares - middle**2, 0) * (1 / total + 1 / self._images)
        low = middle - SHARE_Z[window] * np.sqrt(variance)
        found: NDArray[np.bool_] = (low > SHARE_MARGIN) & (images >= LEAST_IMAGES)
        return found
