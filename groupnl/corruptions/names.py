"""The names of the ImageNet-C corruptions and their severities; no torch, so that rules and reports can import it.

Source: Hendrycks and Dietterich, ICLR 2019; the first fifteen are the benchmark, the last four its validation set.
"""

from typing import NamedTuple

BENCHMARK = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
)
VALIDATION = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
NAMES = BENCHMARK + VALIDATION
SEVERITIES = (1, 2, 3, 4, 5)


class Cell(NamedTuple):
    """One corruption at one severity.

    Attributes:
        corruption: one of `NAMES`.
        severity: 1 to 5. Not a common scale: snow and elastic_transform are milder at 3 than at 2.
    """

    corruption: str
    severity: int


CELLS = tuple(Cell(name, severity) for name in NAMES for severity in SEVERITIES)
