"""The trial run of a packed model, before its archive gets its name."""

from pathlib import Path

import torch

from groupnl.archive.load import handler_section, load_unpacked
from groupnl.archive.read import CONFIG_FILE, unpack
from groupnl.errors import ArchiveError
from groupnl.inference.engine import TorchEngine
from groupnl.yaml_file import read_mapping


def try_out(archive: Path, folder: Path) -> None:
    """Unpack an archive into `folder`, load its model as the handler does, and run it on one image.

    On the CPU in float32: whether the model is right must not depend on the machine that packs it.

    Raises:
        ConfigError: its `handler` section cannot be used.
        ArchiveError: it is damaged, or its logits are not finite or not one for each class.
        CheckpointError: its weights cannot be loaded.
    """
    unpack(archive, folder)
    handler_section(read_mapping(folder / CONFIG_FILE))
    manifest, model = load_unpacked(folder)
    card = manifest.card
    logits = TorchEngine(model, card.input, torch.device("cpu"), torch.float32)(_image(card.input.size))
    if logits.shape != (1, len(card.classes)) or not logits.isfinite().all():
        raise ArchiveError(
            f"{card.architecture} does not give {len(card.classes)} finite numbers for an image of {card.input.size} "
            f"pixels, but shape {tuple(logits.shape)}, {int(logits.isfinite().sum())} of them finite"
        )


def _image(size: int) -> torch.Tensor:
    """Grey steps, uint8 of shape (1, 3, size, size)."""
    ramp = torch.linspace(0, 255, size).to(torch.uint8)
    return ramp.expand(1, 3, size, size).contiguous()
