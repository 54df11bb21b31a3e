"""Glass blur: every pixel takes the place of a near one, several times over, between two Gaussian blurs.

Pixels are handled one after another, from the last to the first, and one that copies a pixel handled before it gets
what that one has become. So a pass is a map of pointers: to the source's own pointer where the source came before,
else to its old pixel. Following all pointers at once, over and over until none is left, gives the same map as the loop.

The published code writes a swap, but its rows are views of one array: the near pixel keeps its own value.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor

from groupnl.corruptions.blur import blurred_levels
from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.tables import Table, parameters

Places = npt.NDArray[np.int32]


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
    shape = (glass.passes, height - 2 * glass.reach, width - 2 * glass.reach)
    side = 2 * glass.reach
    # One number for both offsets of a pixel: drawing costs more than the arithmetic.
    both = (torch.rand(shape, generator=generator) * side**2).int().numpy()
    offsets = np.stack((both // side, both % side), axis=1) - np.int32(glass.reach)
    return {"sources": torch.from_numpy(glass_map(offsets, glass.reach, height, width))}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    glass = parameters(TABLE, severity, *images.shape[-2:])
    blurred = blurred_levels(images, glass.sigma)
    sources = draws["sources"].long()[:, None].expand(-1, 3, -1)
    moved = blurred.flatten(2).gather(2, sources).view_as(images)
    return blurred_levels(moved, glass.sigma)


def glass_map(offsets: Places, reach: int, height: int, width: int) -> Places:
    """Which pixel ends up where.

    In NumPy: it has no use for a device, and indexes with 32 bits.

    Args:
        offsets: for each pass and handled pixel how far down and right its source lies, from -reach to reach - 1; int32
            of shape (passes, 2, height - 2 * reach, width - 2 * reach).
        reach: pixels.
        height: of the image.
        width: of the image.

    Returns:
        int32 of shape (height * width,): for each place the place that its pixel comes from.
    """
    places = np.arange(height * width, dtype=np.int32)
    inside = slice(reach + 1, height - reach + 1), slice(reach + 1, width - reach + 1)
    own = places.reshape(height, width)[inside]
    is_handled = np.zeros(height * width, dtype=np.bool_)
    is_handled[own] = True
    sources = places
    for down, right in offsets:
        source = own + (down * np.int32(width) + right)
        # A pointer to an old pixel ends there; it is stored as -1 - place, below all others.
        pointers = -1 - places
        goes_on = is_handled[source] & (source > own)
        pointers.reshape(height, width)[inside] = np.where(goes_on, source, -1 - source)
        sources = sources[-1 - _followed(pointers, own[goes_on])]
    return sources


def _followed(pointers: Places, open_ends: Places) -> Places:
    """The pointers with those at `open_ends` followed to their ends; changes `pointers`."""
    while open_ends.size:
        pointers[open_ends] = further = pointers[pointers[open_ends]]
        open_ends = open_ends[further >= 0]
    return pointers


GLASS_BLUR = Corruption("glass_blur", _draw, _apply)
