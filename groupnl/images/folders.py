"""Labelled images on the disk: a folder that holds one folder of images for each class."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.card import InputConfig
from groupnl.errors import ConfigError, InputError
from groupnl.images.limits import Limits
from groupnl.images.reader import Reader


class LabelledFile(NamedTuple):
    """One image.

    Attributes:
        path: of the file.
        label: position of its class among the model's.
    """

    path: Path
    label: int


def labelled_files(folder: Path, classes: Sequence[str]) -> list[LabelledFile]:
    """The images of a folder, sorted by class and name; files beside the class folders are left out.

    Args:
        folder: holds one folder of images for each class, or for some.
        classes: names, in the order of the logits.

    Raises:
        ConfigError: there is no image, or a folder is none of the classes.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} does not exist: name a folder that holds one folder of images for each class")
    labels = {name: label for label, name in enumerate(classes)}
    paths = sorted(path for path in folder.glob("*/*") if path.is_file())
    if not paths:
        raise ConfigError(f"{folder} has no images: it must hold one folder of images for each class")
    if unknown := [path.parent for path in paths if path.parent.name not in labels]:
        raise ConfigError(f"there is a folder {unknown[0]}, but the model has no such class")
    return [LabelledFile(path, labels[path.parent.name]) for path in paths]


def read_pixels(files: Sequence[LabelledFile], config: InputConfig) -> Tensor:
    """The images as the service sees them: uint8 of shape (N, 3, S, S).

    Args:
        files: at least one.
        config: of the model's input.

    Raises:
        ConfigError: an image cannot be used.
    """
    read = Reader(config, Limits())
    pixels = []
    for file in files:
        try:
            pixels.append(read(file.path.read_bytes()))
        except InputError as error:
            raise ConfigError(f"the image {file.path} cannot be used: {error}") from None
    return torch.stack(pixels)
