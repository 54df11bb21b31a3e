"""Shot noise: every value becomes the mean of photons counted, with Poisson's law.

There are 256 levels, so the law is a table: for each level, the result at 2**14 equal steps of probability. A draw is
one whole number. Against the exact law a probability is off by less than one step; tails beyond one in 2**15 are cut.
"""

import math
from collections.abc import Mapping
from functools import cache

import torch
from torch import Generator, Tensor

from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.tables import Table, parameters

# Photons that a white value stands for.
PHOTONS: Table[int] = {
    299: (50, 20, 10, 5, 3),
    224: (60, 25, 12, 5, 3),
    64: (250, 100, 50, 30, 15),
    32: (500, 250, 100, 75, 50),
}
STEPS = 2**14


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    return {"step": torch.randint(STEPS, (3, height, width), generator=generator, dtype=torch.int32)}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    table = _table(parameters(PHOTONS, severity, *images.shape[-2:])).to(images.device)
    return table[images.to(torch.int32) * STEPS + draws["step"]]


@cache
def _table(photons: int) -> Tensor:
    """The resulting level, uint8, at place level * STEPS + step."""
    expected = torch.arange(256, dtype=torch.float64)[:, None] / 255 * photons
    counts = torch.arange(_most(photons) + 1, dtype=torch.float64)
    # P(at most k); the gamma function's complement is exact where a sum of terms would round.
    at_most = torch.special.gammaincc(counts + 1, expected.expand(-1, len(counts)))
    at_most[0] = 1  # no light, no photons
    at_most[:, -1] = 1
    # How many steps give at most k photons: those whose middle is not beyond that probability.
    steps = (at_most * STEPS + 0.5).floor().clamp_(max=STEPS).long().cummax(dim=1).values
    levels = (counts / photons).clamp_(max=1).mul_(255).to(torch.uint8)
    return levels.repeat(256).repeat_interleave(steps.diff(dim=1, prepend=steps.new_zeros(256, 1)).flatten())


def _most(photons: int) -> int:
    """More photons than are counted within the steps."""
    return photons + math.ceil(8 * math.sqrt(photons)) + 20


SHOT_NOISE = Corruption("shot_noise", _draw, _apply)
