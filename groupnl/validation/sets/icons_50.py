"""Icons-50: 10,000 icons of 50 classes in folders of PNG files, or as one dictionary of arrays.

Source: an early draft of Hendrycks and Dietterich, Benchmarking Neural Network Robustness (arXiv 1807.01697); the data
lie beside their repository hendrycks/robustness. What its published splits hold back: `icon_parts.py`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from groupnl.errors import ConfigError
from groupnl.validation.pixels import RawPixels
from groupnl.validation.sets.images import ClassFolders, Images, Names, by_number, only
from groupnl.validation.sets.plain_pickle import read_arrays
from groupnl.validation.sets.rows import HeldRows

SIDE = 32  # pixels of the icons in the dictionary
_PIXELS, _CLASSES = "image", "class"


def icons_50(paths: Sequence[Path], names: Names, count: int) -> Images:
    """The icons of class folders, or of the dictionary ``Icons-50.npy``.

    Raises:
        ConfigError: the file is not that dictionary.
    """
    path = only(paths)
    if path.suffix != ".npy":
        return ClassFolders((path,))
    arrays = read_arrays(path, (_PIXELS, _CLASSES))
    pixels, numbers = arrays[_PIXELS], arrays[_CLASSES]
    if pixels.dtype != np.uint8 or pixels.shape[1:] != (3, SIDE, SIDE) or not len(pixels):
        raise ConfigError(
            f"{path}: {_PIXELS!r} is {pixels.dtype} of shape {pixels.shape}, and icons are uint8, each of shape "
            f"{(3, SIDE, SIDE)}"
        )
    if numbers.shape != pixels.shape[:1]:
        raise ConfigError(f"{path} has {len(pixels)} icons, and classes of shape {numbers.shape}")
    pictures = [picture.tobytes() for picture in pixels]
    return HeldRows(path, RawPixels(SIDE, planes=True), pictures, numbers.tolist(), by_number(names, count))
