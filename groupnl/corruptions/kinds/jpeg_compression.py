"""JPEG compression."""

from collections.abc import Mapping

from torch import Tensor

from groupnl.corruptions.corruption import Corruption, no_draws
from groupnl.corruptions.jpeg import round_trip
from groupnl.corruptions.tables import Table, parameters

QUALITY: Table[int] = {
    299: (23, 16, 13, 8, 5),
    224: (25, 18, 15, 10, 7),
    64: (65, 58, 50, 40, 25),
    32: (80, 65, 58, 50, 40),
}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    return round_trip(images, parameters(QUALITY, severity, *images.shape[-2:]))


JPEG_COMPRESSION = Corruption("jpeg_compression", no_draws, _apply)
