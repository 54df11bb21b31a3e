"""The four families that the benchmark's corruptions come in, and the order of a network's 95 cells.

Source: Hendrycks and Dietterich, ICLR 2019, which adds one validation corruption to each family.
"""

from collections.abc import Sequence

from groupnl.corruptions import CELLS

NOISE = "noise"
FAMILIES = {
    NOISE: ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"),
    "weather": ("snow", "frost", "fog", "brightness", "spatter"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression", "saturate"),
}
"""Family -> corruptions."""
BUT_NOISE = tuple(family for family in FAMILIES if family != NOISE)


def cells_of(family: str) -> list[int]:
    """Positions of a family's cells in `CELLS`."""
    return [position for position, cell in enumerate(CELLS) if cell.corruption in FAMILIES[family]]


def count_cells(families: Sequence[str]) -> int:
    """How many cells these families have together."""
    return sum(len(cells_of(family)) for family in families)
