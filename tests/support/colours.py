"""A real network that tells solid colours apart, and folders of solid pictures: what it answers is known beforehand."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from support.tiny import ARCHITECTURE, INPUT, tiny_network
from torch import Tensor

from groupnl.card import ModelCard
from groupnl.models import save_checkpoint

COLOURS = {
    "blue": (20, 30, 220),
    "cyan": (20, 220, 220),
    "green": (20, 200, 30),
    "grey": (128, 128, 128),
    "red": (220, 20, 30),
    "yellow": (230, 220, 20),
}
NAMES = tuple(sorted(COLOURS))


def colour_network() -> torch.nn.Module:
    """The tiny network, its best class the colour whose solid picture has the nearest features."""
    network = tiny_network(len(NAMES))
    with torch.no_grad():
        features = network.forward_head(network.forward_features(_normalised()), pre_logits=True).double()
        centre = features.mean(0)
        apart = features - centre
        scale = 1 / torch.pdist(features).min() ** 2  # logits of solid pictures differ by 1 or more
        network.classifier.weight.copy_(2 * scale * apart)
        network.classifier.bias.copy_(-scale * (2 * apart @ centre + apart.square().sum(1)))
    return network


def _normalised() -> Tensor:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (INPUT.mean, INPUT.std))
    pixels = torch.tensor([COLOURS[name] for name in NAMES]).view(-1, 3, 1, 1).expand(-1, -1, INPUT.size, INPUT.size)
    return (pixels / 255 - mean) / std


def colour_checkpoint(folder: Path, classes: Sequence[str] = NAMES) -> Path:
    """The network in our own format, its classes called as the colours or otherwise."""
    path = folder / "colours.safetensors"
    card = ModelCard(architecture=ARCHITECTURE, classes=tuple(classes), input=INPUT)
    save_checkpoint(path, colour_network().state_dict(), card)
    return path


def solid(folder: Path, shown: Mapping[str, Sequence[str]], side: int = 32, suffix: str = ".JPEG") -> None:
    """Write class folders of solid pictures.

    Args:
        folder: of the class folders.
        shown: class folder -> colour of each picture in it.
        side: of the pictures, pixels.
        suffix: of their names.
    """
    for name, colours in shown.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, colour in enumerate(colours):
            picture = Image.new("RGB", (side, side), COLOURS[colour])
            picture.save(folder / name / f"{number}{suffix}", "JPEG", quality=95)
