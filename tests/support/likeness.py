"""How near two results lie: one place for what is asked of them."""

import numpy as np
import numpy.typing as npt
from torch import Tensor

Pixels = npt.NDArray[np.integer]


def as_rows(images: Tensor) -> Pixels:
    """(B, 3, H, W) as (B, H, W, 3)."""
    return images.permute(0, 2, 3, 1).numpy()


def assert_like(found: Pixels, expected: Pixels, *, equal: float, most: int = 1) -> None:
    """At least a share `equal` of the values is the same, and none differs by more than `most` levels."""
    assert found.shape == expected.shape
    difference = np.abs(found.astype(int) - expected.astype(int))
    assert difference.max() <= most
    assert (difference == 0).mean() >= equal
