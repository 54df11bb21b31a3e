"""The same answers without the service: timm's network and transform, Pillow, float32, one image at a time."""

import io
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file
from timm.data import create_transform
from torch import Tensor

from groupnl.archive.load import checked_manifest
from groupnl.corruptions import Cell, corrupt_each
from groupnl.errors import ConfigError
from groupnl.models.architecture import create
from groupnl.models.forms import in_form_of
from groupnl.robustness.replay import spec_of
from groupnl_studies.photographs.as_seen import as_seen

_LEVELS = 255.0
_COLOURS = 3


class Offline:
    """An archive's network as timm builds it.

    Args:
        folder: of the unpacked archive.
        seed: of the corruptions, as the service has it.

    Attributes:
        classes: names in the order of the logits.

    Raises:
        ArchiveError: the archive is damaged.
        CheckpointError: the installed timm cannot build the network.
        ConfigError: the network is for grey images.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        manifest = checked_manifest(folder)
        card = manifest.card
        if card.input.channels != _COLOURS:
            raise ConfigError(f"{manifest.model_name} takes grey images: the study is of colour ones")
        self.classes = card.classes
        self._seed = seed
        self._mean, self._std = (torch.tensor(values)[:, None, None] for values in (card.input.mean, card.input.std))
        weights = load_file(folder / manifest.weights)
        network = create(card.architecture, len(card.classes), size=card.input.size)
        self._network = in_form_of(weights.keys(), network).eval()
        self._network.load_state_dict(weights)
        self._prepare: Any = create_transform(
            input_size=(_COLOURS, card.input.size, card.input.size),
            crop_pct=card.input.crop_pct,
            crop_mode=card.input.crop_mode,
            interpolation=card.input.interpolation,
            normalize=False,
        )

    def pixels(self, file: bytes) -> Tensor:
        """What the network sees of an image: uint8 (3, S, S)."""
        with Image.open(io.BytesIO(file)) as image:
            pixels: Tensor = self._prepare(as_seen(image))
        return pixels

    def corrupted(self, pixels: Tensor, key: str, cell: Cell) -> Tensor:
        """The same in a cell, with the random numbers of the request's key."""
        return corrupt_each(pixels.unsqueeze(0), [spec_of(key, cell, self._seed)])[0]

    def probabilities(self, pixels: Tensor) -> Tensor:
        """What the network answers: (classes,)."""
        with torch.inference_mode():
            logits: Tensor = self._network(((pixels / _LEVELS - self._mean) / self._std).unsqueeze(0))
        return logits[0].softmax(0)
