"""The trial run of a packed model, before its archive gets its name."""

import zipfile
from pathlib import Path

import torch
from pydantic import ValidationError

from groupnl.archive.read import CONFIG_FILE, read_manifest
from groupnl.errors import ArchiveError, ConfigError
from groupnl.handler_config import HandlerConfig
from groupnl.inference.engine import TorchEngine
from groupnl.models.checkpoint import build_model, load_checkpoint
from groupnl.yaml_file import problems, read_mapping


def try_out(archive: Path, folder: Path) -> None:
    """Unpack an archive into `folder`, load its model as the handler does, and run it on one image.

    On the CPU in float32: whether the model is right must not depend on the machine that packs it.

    Raises:
        ConfigError: its `handler` section cannot be used.
        ArchiveError: its logits are not finite, or not one for each class.
        CheckpointError: its weights cannot be loaded.
    """
    manifest = read_manifest(archive)
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    _check_handler_section(folder / CONFIG_FILE)
    card = manifest.card
    weights = load_checkpoint(folder / manifest.weights).state_dict
    model = build_model(card.architecture, len(card.classes), weights)
    logits = TorchEngine(model, card.input, torch.device("cpu"), torch.float32)(_image(card.input.size))
    if logits.shape != (1, len(card.classes)) or not logits.isfinite().all():
        raise ArchiveError(
            f"{card.architecture} does not give {len(card.classes)} finite numbers for an image of {card.input.size} "
            f"pixels, but shape {tuple(logits.shape)}, {int(logits.isfinite().sum())} of them finite"
        )


def _check_handler_section(settings: Path) -> None:
    try:
        HandlerConfig.model_validate(read_mapping(settings)["handler"])
    except ValidationError as error:
        raise ConfigError(f"the handler's configuration cannot be used: {problems(error)}") from None


def _image(size: int) -> torch.Tensor:
    """Grey steps, uint8 of shape (1, 3, size, size)."""
    ramp = torch.linspace(0, 255, size).to(torch.uint8)
    return ramp.expand(1, 3, size, size).contiguous()
