"""The study's data sets as tensors: small enough to be held in memory whole."""

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from groupnl.card import InputConfig
from groupnl.errors import ConfigError
from groupnl.images.folders import labelled_files, read_pixels
from groupnl.training.sources import class_names

ICON_TESTS = ("test_emoji", "test_style")
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package puts it
_FASHION_CLASSES = 10
_UBYTE = b"\0\0\x08"  # how an idx file of bytes begins; the number of dimensions follows


class Labelled(NamedTuple):
    """Images with their classes.

    Attributes:
        pixels: uint8 of shape (N, 3, S, S).
        labels: int64 of shape (N,).
    """

    pixels: Tensor
    labels: Tensor

    def part(self, indices: Tensor) -> "Labelled":
        """Some of them; indices int64 of shape (M,)."""
        return Labelled(self.pixels[indices], self.labels[indices])


class DataSet(NamedTuple):
    """One data set.

    Attributes:
        classes: how many.
        train: what is learned from.
        tests: split -> what is answered.
    """

    classes: int
    train: Labelled
    tests: dict[str, Labelled]


def read_icons(folder: Path, size: int) -> DataSet:
    """The icons of `groupnl data icons`, resized.

    Args:
        folder: holds a folder for each split.
        size: pixels.

    Raises:
        ConfigError: a split is missing, or an image cannot be used.
    """
    classes = class_names(folder / "train")
    # Only the resize: the study scales the pixels itself.
    config = InputConfig(size=size, mean=(0, 0, 0), std=(1, 1, 1), crop_pct=1.0, interpolation="bicubic")
    splits = {}
    for split in ("train", *ICON_TESTS):
        files = labelled_files(folder / split, classes)
        splits[split] = Labelled(read_pixels(files, config), torch.tensor([file.label for file in files]))
    return DataSet(len(classes), splits.pop("train"), splits)


def read_fashion_mnist(folder: Path, size: int) -> DataSet:
    """Fashion-MNIST, gray repeated as RGB, padded with black.

    Source: Xiao, Rasul and Vollgraf, arXiv 1708.07747; MIT licence.

    Args:
        folder: holds the four files ``{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz``.
        size: pixels, at least 28.

    Raises:
        ConfigError: a file is missing or damaged.
    """
    train, test = (_fashion_split(folder, name, size) for name in ("train", "t10k"))
    return DataSet(_FASHION_CLASSES, train, {"test": test})


def _fashion_split(folder: Path, name: str, size: int) -> Labelled:
    images = torch.from_numpy(_read_idx(folder / f"{name}-images-idx3-ubyte.gz"))
    labels = torch.from_numpy(_read_idx(folder / f"{name}-labels-idx1-ubyte.gz")).long()
    missing = size - images.shape[-1]
    padded = F.pad(images, (missing // 2, missing - missing // 2) * 2)
    return Labelled(padded[:, None].expand(-1, 3, -1, -1).contiguous(), labels)


def _read_idx(path: Path) -> np.ndarray:
    """An array of bytes in the format of MNIST: how many dimensions, their sizes as big-endian integers, the values."""
    if not path.is_file():
        raise ConfigError(
            f"{path} is missing: install Debian's package dataset-fashion-mnist, or unpack it with `dpkg -x` and name "
            "the folder of its four .gz files with --fashion-mnist"
        )
    try:
        content = gzip.decompress(path.read_bytes())
        if content[:3] != _UBYTE:
            raise ValueError(f"it begins with {content[:4]!r}")
        start = 4 + 4 * content[3]
        shape = np.frombuffer(content[4:start], ">i4")
        return np.frombuffer(bytearray(content[start:]), np.uint8).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise ConfigError(f"{path} is no idx file of bytes: {error}") from error
