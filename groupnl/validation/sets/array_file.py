"""Arrays of numpy's `.npy` format, mapped and not loaded; arrays of objects are pickles and are refused."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groupnl.errors import ConfigError


def mapped(path: Path) -> "np.memmap[Any, Any]":
    """The array of a file; what is not looked at is not read.

    Raises:
        ConfigError: there is no such file, it is cut short or no `.npy`, or an array of objects, which would have to be
            unpickled.
    """
    if not path.is_file():
        raise ConfigError(f"{path} does not exist")
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        raise ConfigError(f"{path} is no whole array of numbers in numpy's format .npy ({error})") from None


def pixel_rows(path: Path, shape: tuple[int, ...]) -> "np.memmap[Any, Any]":
    """An array of pictures.

    Args:
        path: of the file.
        shape: of a picture.

    Raises:
        ConfigError: see `mapped`; or the array is of another shape or type.
    """
    array = mapped(path)
    wanted = " x ".join(map(str, shape))
    if array.dtype != np.uint8 or array.shape[1:] != shape or not len(array):
        raise ConfigError(
            f"{path} holds {array.dtype} of shape {array.shape}; pictures are uint8 of shape (rows, {wanted})"
        )
    if not array.flags.c_contiguous:
        raise ConfigError(f"{path} is stored column by column, so no picture lies in one piece: save it in C order")
    return array


def label_row(path: Path) -> NDArray[np.int64]:
    """The numbers of classes.

    Raises:
        ConfigError: see `mapped`; or they are no whole numbers in a row.
    """
    array = mapped(path)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ConfigError(f"{path} holds {array.dtype} of shape {array.shape}; labels are a row of whole numbers")
    return array.astype(np.int64)
