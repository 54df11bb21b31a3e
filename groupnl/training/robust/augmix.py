"""AugMix (Hendrycks et al., ICLR 2020): chains of simple operations, mixed."""

import numpy as np

from groupnl.training.robust.augmentation import Pixels
from groupnl.training.robust.mixture import mixture
from groupnl.training.robust.operations import operations

_SEVERITY = 3  # of ten, as published for small images


class AugMix:
    """Mix an image with chains of the nine operations."""

    def __init__(self) -> None:
        self._operations = operations(_SEVERITY)

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """An image, (S, S, 3), mixed; `random` draws the operations and their shares."""
        return mixture(image, random, self._operations)
