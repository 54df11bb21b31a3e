"""Zoom blur: the mean of the image and of its middle at several enlargements."""

from collections.abc import Mapping

from torch import Tensor

from groupnl.corruptions.corruption import Corruption, no_draws
from groupnl.corruptions.pixels import to_levels, to_unit
from groupnl.corruptions.tables import Table, parameters
from groupnl.corruptions.zoom import zoomed


def _steps(step: float, count: int) -> tuple[float, ...]:
    # To the last bit as NumPy's arange, because sizes are rounded up: it repeats the difference of the first two.
    difference = (1 + step) - 1
    return tuple(1 + difference * index for index in range(count))


# Enlargements. The counts are those that the published code's steps give in floating point. An enlargement by 1 is
# among them, so the image counts twice.
_LARGE = (_steps(0.01, 12), _steps(0.01, 16), _steps(0.02, 11), _steps(0.02, 13), _steps(0.03, 11))
_SMALL = tuple(_steps(0.01, count) for count in (7, 12, 16, 21, 26))
FACTORS: Table[tuple[float, ...]] = {299: _LARGE, 224: _LARGE, 64: _SMALL, 32: _SMALL}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    factors = parameters(FACTORS, severity, *images.shape[-2:])
    unit = to_unit(images)
    total = unit.clone()
    for factor in factors[1:]:
        total += zoomed(unit, factor)
    # The image itself last: where it is flat, the order of a sum decides its last bit, and that the truncated level.
    return to_levels(total.add_(unit).div_(len(factors) + 1))


ZOOM_BLUR = Corruption("zoom_blur", no_draws, _apply)
