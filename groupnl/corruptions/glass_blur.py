"""Glass blur: every pixel takes the place of a near one, several times over, between two Gaussian blurs.

Pixels are handled one after another, from the last to the first, and one that copies a pixel handled before it gets
what that one has become. So a pass is a map of pointers: to the source's own pointer where the source came before,
else to its old pixel. Following all pointers at once, over and over until none is left, gives the same map as the loop.

The published code writes a swap, but its rows are views of one array: the near pixel keeps its own value.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from groupnl.corruptions.blur import gaussian
from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.pixels import to_levels, to_unit
from groupnl.corruptions.tables import Table, parameters


class Glass(NamedTuple):
    """Sigma of the blurs, reach of a copy, both in pixels, and number of passes."""

    sigma: float
    reach: int
    passes: int


TABLE: Table[Glass] = {
    299: (Glass(0.8, 1, 3), Glass(1, 3, 1), Glass(1.1, 2, 4), Glass(1.2, 4, 2), Glass(1.6, 5, 2)),
    224: (Glass(0.7, 1, 2), Glass(0.9, 2, 1), Glass(1, 2, 3), Glass(1.1, 3, 2), Glass(1.5, 4, 2)),
    64: (Glass(0.1, 1, 1), Glass(0.5, 1, 1), Glass(0.6, 1, 2), Glass(0.7, 2, 1), Glass(0.9, 2, 2)),
    32: (Glass(0.05, 1, 1), Glass(0.25, 1, 1), Glass(0.4, 1, 1), Glass(0.25, 1, 2), Glass(0.4, 1, 2)),
}


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    glass = parameters(TABLE, severity, height, width)
    # Rows and columns of reach + 1 to size - reach are handled.
    shape = (glass.passes, 2, height - 2 * glass.reach, width - 2 * glass.reach)
    return {"offsets": torch.randint(-glass.reach, glass.reach, shape, generator=generator, dtype=torch.int32)}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    glass = parameters(TABLE, severity, *images.shape[-2:])
    blurred = to_levels(gaussian(to_unit(images), glass.sigma))
    sources = glass_map(draws["offsets"], glass.reach, *images.shape[-2:])
    moved = blurred.flatten(2).gather(2, sources[:, None].expand(-1, 3, -1)).view_as(images)
    return to_levels(gaussian(to_unit(moved), glass.sigma))


def glass_map(offsets: Tensor, reach: int, height: int, width: int) -> Tensor:
    """Which pixel ends up where.

    Args:
        offsets: for each pass and handled pixel how far down and right its source lies, from -reach to reach - 1; whole
            numbers of shape (B, passes, 2, height - 2 * reach, width - 2 * reach).
        reach: pixels.
        height: of the image.
        width: of the image.

    Returns:
        int64 of shape (B, height * width): for each place the place that its pixel comes from.
    """
    passes = [_pass_map(offsets[:, index], reach, height, width) for index in range(offsets.shape[1])]
    sources = passes[0]
    for later in passes[1:]:
        sources = sources.gather(1, later)
    return sources


def _pass_map(offsets: Tensor, reach: int, height: int, width: int) -> Tensor:
    count = height * width
    places = torch.arange(count, device=offsets.device).view(height, width)
    handled = (slice(reach + 1, height - reach + 1), slice(reach + 1, width - reach + 1))
    is_handled = torch.zeros(height, width, dtype=torch.bool, device=offsets.device)
    is_handled[handled] = True
    own = places[handled]
    source = own + offsets[:, 0].long() * width + offsets[:, 1]
    # Places from `count` on stand for old pixels: there a pointer ends.
    before = is_handled.flatten()[source] & (source > own)
    pointers = (places + count).expand(len(offsets), -1, -1).clone()
    pointers[:, handled[0], handled[1]] = torch.where(before, source, source + count)
    return _followed(pointers.flatten(1), count) - count


def _followed(pointers: Tensor, count: int) -> Tensor:
    ends = torch.arange(count, 2 * count, device=pointers.device).expand(len(pointers), -1)
    while bool((pointers < count).any()):
        pointers = torch.cat((pointers, ends), dim=1).gather(1, pointers)
    return pointers


GLASS_BLUR = Corruption("glass_blur", _draw, _apply)
