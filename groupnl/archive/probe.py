"""The probe set: some labelled images inside an archive, which the service answers again and again in idle time."""

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from groupnl.card import ModelCard
from groupnl.errors import ArchiveError
from groupnl.images.folders import labelled_files, read_pixels

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
        ConfigError: see `labelled_files`; or an image cannot be used.
    """
    files = labelled_files(folder, card.classes)
    return ProbeSet(read_pixels(files, card.input), torch.tensor([file.label for file in files]))


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
