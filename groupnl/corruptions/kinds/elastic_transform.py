"""Elastic transform: three points of the image are moved, then every pixel by a smooth random field."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from groupnl.corruptions.blur import gaussian
from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.pixels import LEVELS, to_levels, to_unit, truncated
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

_ROUNDING = 1e-4  # levels; what two bilinear steps in single precision lose


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    return {
        "corners": torch.rand(3, 2, generator=generator, dtype=torch.float64) * 2 - 1,
        "field": torch.rand(2, height, width, generator=generator) * 2 - 1,
    }


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    height, width = images.shape[-2:]
    elastic = parameters(TABLE, severity, height, width)
    places = _affine(draws["corners"] * elastic.shift, height, width)
    moved = F.grid_sample(to_unit(images), places, padding_mode="reflection", align_corners=True)
    if elastic.height == 0:
        return truncated(moved.mul_(255), _flat(), _ROUNDING)
    field = gaussian(draws["field"], elastic.sigma, truncate=3, border="reflect") * elastic.height
    # Here the border pixel is mirrored too, in the affine step it is not.
    moved = F.grid_sample(moved, _shifted(field), padding_mode="reflection", align_corners=False)
    return truncated(moved.mul_(255), _flat(), _ROUNDING)


def _flat() -> Tensor:
    """What becomes of each level where nothing changes it but single precision, uint8 of shape (256,)."""
    return to_levels(to_unit(torch.arange(LEVELS)))


def _affine(shifts: Tensor, height: int, width: int) -> Tensor:
    """Where each pixel comes from when three points have moved.

    Args:
        shifts: of the points, pixels to the right and down, float64 of shape (B, 3, 2).
        height: of the image.
        width: of the image.

    Returns:
        Columns and rows, -1 and 1 at the centres of the border pixels; float32 of shape (B, height, width, 2).
    """
    # The published code takes the image's (height, width) for the centre's (column, row); images are square there.
    column, row, reach = float(height // 2), float(width // 2), min(height, width) // 3
    before = shifts.new_tensor(
        [[column + reach, row + reach], [column + reach, row - reach], [column - reach, row - reach]]
    ).expand_as(shifts)
    # Single precision, as the points are stored there.
    after = (before + shifts.float()).float().double()
    back = torch.linalg.solve(torch.cat((after, torch.ones_like(after[..., :1])), dim=2), before)
    scaled = back * (2 / shifts.new_tensor([width - 1, height - 1]))
    by_column, by_row, offset = scaled[:, None, None].unbind(dim=3)
    columns, rows = (torch.arange(size, dtype=back.dtype, device=back.device) for size in (width, height))
    places: Tensor = columns.view(1, -1, 1) * by_column + (rows.view(-1, 1, 1) * by_row + (offset - 1))
    return places.float()


def _shifted(field: Tensor) -> Tensor:
    """Where each pixel comes from, -1 and 1 at the image's edges: float32 of shape (B, H, W, 2).

    Args:
        field: how far to the right and down of the pixel, float32 of shape (B, 2, H, W), pixels.
    """
    size = field.shape[:1:-1]
    columns, rows = ((torch.arange(each, device=field.device) * 2 + 1) / each - 1 for each in size)
    own = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
    places: Tensor = torch.addcmul(own, field.permute(0, 2, 3, 1), 2 / field.new_tensor(size))
    return places


ELASTIC_TRANSFORM = Corruption("elastic_transform", _draw, _apply)
