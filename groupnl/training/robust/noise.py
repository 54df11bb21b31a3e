"""Noise training (Rusak et al., ECCV 2020): half of the images get Gaussian or speckle noise of some strength.

Both are among the nineteen corruptions of the validation, so figures about them are of what was trained on.
"""

import numpy as np

from groupnl.training.robust.augmentation import Pixels

_WHITE = 255
_CLEAN = 0.5  # of all images
_GAUSSIAN, _SPECKLE = 0.38, 0.6  # the largest deviations: those that ImageNet-C ends with


class Noise:
    """Add noise to half of the images, Gaussian or speckle, of a deviation that is drawn evenly from 0 on."""

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """An image, (S, S, 3), with noise, or as it is; `random` draws the noise and its strength."""
        if random.random() < _CLEAN:
            return image
        if random.random() < 1 / 2:
            return gaussian(image, random.uniform(0, _GAUSSIAN), random)
        return speckle(image, random.uniform(0, _SPECKLE), random)


def gaussian(image: Pixels, deviation: float, random: np.random.Generator) -> Pixels:
    """Add noise of a deviation, as a part of white, to every value by itself."""
    return _cut(image + _WHITE * np.float32(deviation) * random.standard_normal(image.shape, np.float32))


def speckle(image: Pixels, deviation: float, random: np.random.Generator) -> Pixels:
    """Add noise of a deviation, as a part of the value that it is added to."""
    return _cut(image * (1 + np.float32(deviation) * random.standard_normal(image.shape, np.float32)))


def _cut(levels: np.ndarray) -> Pixels:
    cut: Pixels = np.rint(np.clip(levels, 0, _WHITE)).astype(np.uint8)
    return cut
