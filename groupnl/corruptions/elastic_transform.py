"""Elastic transform: three points of the image are moved, then every pixel by a smooth random field."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from groupnl.corruptions.blur import gaussian
from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.pixels import to_levels, to_unit
from groupnl.corruptions.tables import Table, parameters


class Elastic(NamedTuple):
    """Height of the field, its smoothness, and how far the three points move, all in pixels."""

    height: float
    sigma: float
    shift: float


def _scaled(size: int, *rows: tuple[float, float, float]) -> tuple[Elastic, ...]:
    return tuple(Elastic(*(size * share for share in row)) for row in rows)


_LARGE = ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02))
TABLE: Table[Elastic] = {
    # The published code multiplies by 244 and by 360, not by the image's size.
    299: _scaled(360, *_LARGE),
    224: _scaled(244, *_LARGE),
    64: _scaled(64, (0, 0, 0.08), (0.05, 0.3, 0.06), (0.1, 0.08, 0.06), (0.1, 0.03, 0.03), (0.16, 0.03, 0.02)),
    32: _scaled(32, (0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
}


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    return {
        "corners": torch.rand(3, 2, generator=generator, dtype=torch.float64) * 2 - 1,
        "field": torch.rand(2, height, width, generator=generator) * 2 - 1,
    }


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    height, width = images.shape[-2:]
    elastic = parameters(TABLE, severity, height, width)
    moved = _sample(to_unit(images), _affine(draws["corners"] * elastic.shift, height, width), align_corners=True)
    if elastic.height == 0:
        return to_levels(moved)
    field = gaussian(draws["field"], elastic.sigma, truncate=3, border="reflect") * elastic.height
    across, down = field.unbind(dim=1)
    columns, rows = _places(height, width, images.device, torch.float32)
    return to_levels(_sample(moved, torch.stack((columns + across, rows + down), dim=-1), align_corners=False))


def _affine(shifts: Tensor, height: int, width: int) -> Tensor:
    """Where each pixel comes from when three points have moved.

    Args:
        shifts: of the points, pixels to the right and down, float64 of shape (B, 3, 2).
        height: of the image.
        width: of the image.

    Returns:
        Columns and rows, float32 of shape (B, height, width, 2).
    """
    # The published code takes the image's (height, width) for the centre's (column, row); images are square there.
    column, row, reach = float(height // 2), float(width // 2), min(height, width) // 3
    before = shifts.new_tensor(
        [[column + reach, row + reach], [column + reach, row - reach], [column - reach, row - reach]]
    ).expand_as(shifts)
    # Single precision, as the points are stored there.
    after = (before + shifts.float()).float().double()
    ones = shifts.new_ones(*shifts.shape[:2], 1)
    back = torch.linalg.solve(torch.cat((after, ones), dim=2), before)
    columns, rows = _places(height, width, shifts.device, torch.float64)
    places = torch.stack((columns, rows, torch.ones_like(rows)), dim=-1)
    return torch.einsum("hwi,bio->bhwo", places, back).float()


def _places(height: int, width: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    rows, columns = torch.meshgrid(
        torch.arange(height, device=device, dtype=dtype), torch.arange(width, device=device, dtype=dtype), indexing="ij"
    )
    return columns, rows


def _sample(images: Tensor, places: Tensor, *, align_corners: bool) -> Tensor:
    """Bilinear values at places in pixels; the border mirrors, the last pixel once (align_corners) or twice."""
    size = places.new_tensor([images.shape[-1], images.shape[-2]])
    grid = places / (size - 1) * 2 - 1 if align_corners else (places * 2 + 1) / size - 1
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=align_corners)


ELASTIC_TRANSFORM = Corruption("elastic_transform", _draw, _apply)
