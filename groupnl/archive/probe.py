"""The probe set: some labelled images inside an archive, which the service answers again and again in idle time."""

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from groupnl.card import ModelCard
from groupnl.errors import ArchiveError, ConfigError, InputError
from groupnl.images import Limits, Preprocess, decode

PROBE_FILE = "probe.safetensors"


class ProbeSet(NamedTuple):
    """Labelled model input.

    Attributes:
        pixels: uint8 of shape (N, 3, S, S), N at least 1.
        labels: int64 of shape (N,), positions among the model's classes.
    """

    pixels: Tensor
    labels: Tensor


def read_folder(folder: Path, card: ModelCard) -> ProbeSet:
    """The images of a folder that holds one folder of images for each class.

    Raises:
        ConfigError: there is no image, a folder is no class of the model, or an image cannot be used.
    """
    if not folder.is_dir():
        raise ConfigError(f"the probe set {folder} does not exist: name a folder with one folder of images a class")
    preprocess, limits = Preprocess(card.input), Limits()
    pixels, labels = [], []
    for image in sorted(path for path in folder.glob("*/*") if path.is_file()):
        if image.parent.name not in card.classes:
            raise ConfigError(f"the probe set has a folder {image.parent}, but the model has no such class")
        try:
            pixels.append(preprocess(decode(image.read_bytes(), limits)))
        except InputError as error:
            raise ConfigError(f"the probe image {image} cannot be used: {error}") from None
        labels.append(card.classes.index(image.parent.name))
    if not pixels:
        raise ConfigError(f"the probe set {folder} has no images: it must hold one folder of images for each class")
    return ProbeSet(torch.stack(pixels), torch.tensor(labels))


def save(probe: ProbeSet, file: Path) -> None:
    """Write the set."""
    save_file(probe._asdict(), file)


def load(folder: Path) -> ProbeSet | None:
    """The probe set of an unpacked archive; None where it has none.

    Raises:
        ArchiveError: the file cannot be read.
    """
    file = folder / PROBE_FILE
    if not file.exists():
        return None
    try:
        return ProbeSet(**load_file(file))
    except (OSError, SafetensorError, TypeError) as error:
        raise ArchiveError(f"{file} cannot be read: {error}; make the archive again") from None
