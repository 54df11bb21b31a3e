"""A network that takes pixels: normalising is its first step, so that engines compile it along with the rest."""

import torch
from torch import Tensor, nn

from groupnl.card import InputConfig

# Of red, green and blue in grey: Pillow's numbers, exact in float32, which leave grey pixels as they are.
_GREY = (19595 / 65536, 38470 / 65536, 7471 / 65536)


def normalisation(config: InputConfig) -> tuple[Tensor, Tensor]:
    """What pixels are multiplied by, and what is added then: (x / 255 - mean) / std.

    Args:
        config: of a network's input.

    Returns:
        float32 (1, 3, 1, 1) and (1, channels, 1, 1); where the network takes grey, the products are added first.
    """
    mean, std = (torch.tensor(values, dtype=torch.float64).view(1, -1, 1, 1) for values in (config.mean, config.std))
    parts = torch.tensor(_GREY if config.channels == 1 else (1, 1, 1), dtype=torch.float64).view(1, 3, 1, 1)
    return (parts / (255 * std)).float(), (-mean / std).float()


class PixelNetwork(nn.Module):
    """Normalises pixels and runs a network; one that takes grey images gets the grey of the pixels.

    Shapes: uint8 (B, 3, S, S) -> float32 (B, classes).

    Args:
        network: takes normalised float images, gives logits.
        config: the mean and standard deviation it was trained with.
        dtype: of the normalised images.
    """

    def __init__(self, network: nn.Module, config: InputConfig, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.network = network
        self.dtype = dtype
        self.is_grey = config.channels == 1
        self.scale, self.shift = (nn.Parameter(values, requires_grad=False) for values in normalisation(config))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of the images."""
        images = pixels.float() * self.scale
        if self.is_grey:
            images = images.sum(1, keepdim=True)
        images = images + self.shift
        logits: Tensor = self.network(images.to(self.dtype))
        return logits.float()
