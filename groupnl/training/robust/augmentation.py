"""What an augmentation is: an image and random numbers in, an image of the same shape out."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""An image, (S, S, 3), RGB."""


class Augmentation(Protocol):
    """A random change of an image that leaves its class as it is."""

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The changed image, of the same shape; `image` stays as it is, and the same numbers make the same image."""
        ...
