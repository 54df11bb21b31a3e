"""The same answers without the service: timm's network and transform, Pillow, float32, one image at a time."""

import io
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from timm.data import create_transform
from torch import Tensor

from groupnl.archive.load import checked_manifest
from groupnl.corruptions import Cell, corrupt_each
from groupnl.errors import ConfigError
from groupnl.models.architecture import create
from groupnl.models.forms import in_form_of
from groupnl.robustness.replay import spec_of

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
        """What the network sees of an image, upright and over white: uint8 (3, S, S)."""
        with Image.open(io.BytesIO(file)) as image:
            upright = ImageOps.exif_transpose(image)
        if upright.has_transparency_data:
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright.convert("RGBA"))
        pixels: Tensor = self._prepare(upright.convert("RGB"))
        return pixels

    def best(self, pixels: Tensor) -> str:
        """The most probable class."""
        with torch.inference_mode():
            logits = self._network(((pixels / _LEVELS - self._mean) / self._std).unsqueeze(0))
        return self.classes[int(logits.argmax())]

    def best_in(self, pixels: Tensor, key: str, cell: Cell) -> str:
        """The most probable class in a cell, with the random numbers of the request's key."""
        return self.best(corrupt_each(pixels.unsqueeze(0), [spec_of(key, cell, self._seed)])[0])
