"""Labelled images on the disk: a folder that holds one folder of images for each class."""

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.card import InputConfig
from groupnl.errors import ConfigError, InputError
from groupnl.images.limits import Limits
from groupnl.images.reader import Reader

# Endings of names.
READ = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_NOT_READ = (".gif", ".ppm", ".pgm", ".tif", ".tiff")


class LabelledFile(NamedTuple):
    """One image.

    Attributes:
        path: of the file.
        label: position of its class among the model's.
    """

    path: Path
    label: int


def class_folders(split: Path) -> list[Path]:
    """The folders of the classes, sorted by name; hidden ones are none.

    Raises:
        ConfigError: there is no such folder.
    """
    if not split.is_dir():
        raise ConfigError(
            f"{split} does not exist: name a folder that holds one folder of images for each class (`groupnl data "
            "icons` builds some)"
        )
    return sorted(entry for entry in split.iterdir() if entry.is_dir() and not is_hidden(entry.name))


def image_files(folder: Path) -> list[Path]:
    """The images in the folder of a class, sorted by name: files that are called so and not hidden.

    Raises:
        ConfigError: see `is_image`.
    """
    visible = (entry for entry in folder.iterdir() if not is_hidden(entry.name))
    return sorted(entry for entry in visible if is_image(entry) and entry.is_file())


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is none of the user's, e.g. .DS_Store, .ipynb_checkpoints."""
    return name.startswith(".")


def is_image(file: PurePath) -> bool:
    """Whether a file is called an image, in capitals too.

    Raises:
        ConfigError: it is called one of a format that is not read; passed over, nobody would miss it.
    """
    suffix = file.suffix.lower()
    if suffix in _NOT_READ:
        raise ConfigError(
            f"the image {file} is of a format that is not read ({', '.join(READ)} are): convert it, and others like "
            "it, to PNG"
        )
    return suffix in READ


def labelled_files(folder: Path, classes: Sequence[str]) -> list[LabelledFile]:
    """The images of a folder, sorted by class and name; what is no image, or beside the class folders, is left out.

    Args:
        folder: holds one folder of images for each class, or for some.
        classes: names, in the order of the logits.

    Raises:
        ConfigError: there is no image, one is of a format that is not read, or a folder is none of the classes.
    """
    labels = {name: label for label, name in enumerate(classes)}
    paths = [path for group in class_folders(folder) for path in image_files(group)]
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
