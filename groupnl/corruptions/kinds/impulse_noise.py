"""Impulse noise: some values, channel by channel, become black or white."""

from collections.abc import Mapping

import torch
from torch import Generator, Tensor

from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.tables import Table, parameters

# Share of the values, half of them black.
AMOUNT: Table[float] = {
    299: (0.04, 0.07, 0.1, 0.18, 0.28),
    224: (0.03, 0.06, 0.09, 0.17, 0.27),
    64: (0.01, 0.02, 0.05, 0.08, 0.14),
    32: (0.01, 0.02, 0.03, 0.05, 0.07),
}


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    return {"uniform": torch.rand(3, height, width, generator=generator)}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    amount = parameters(AMOUNT, severity, *images.shape[-2:])
    uniform = draws["uniform"]
    return images.masked_fill(uniform < amount, 255).masked_fill_(uniform < amount / 2, 0)


IMPULSE_NOISE = Corruption("impulse_noise", _draw, _apply)
