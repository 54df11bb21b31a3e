"""Gaussian blur."""

from collections.abc import Mapping

from torch import Tensor

from groupnl.corruptions.blur import blurred_levels
from groupnl.corruptions.corruption import Corruption, no_draws
from groupnl.corruptions.tables import Table, parameters

# Pixels.
SIGMA: Table[float] = {
    299: (1.5, 2.5, 3.5, 4.5, 6.5),
    224: (1, 2, 3, 4, 6),
    64: (0.5, 0.75, 1, 1.25, 1.5),
    32: (0.4, 0.6, 0.7, 0.8, 1),
}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    return blurred_levels(images, parameters(SIGMA, severity, *images.shape[-2:]))


GAUSSIAN_BLUR = Corruption("gaussian_blur", no_draws, _apply)
