"""In which files the images come: formats, EXIF, sides and the quality of JPEGs."""

from typing import NamedTuple

from groupnl.metrics import TRAFFIC_FILES, TRAFFIC_JPEG_QUALITY, TRAFFIC_SIDE_PIXELS
from groupnl.report.samples import Samples
from groupnl.report.shares import quantiles

_AT = (0.05, 0.5, 0.95)


class Files(NamedTuple):
    """The files of the chosen images.

    Attributes:
        formats: images by format, the most frequent first.
        exif: images by whether their file has EXIF.
        sides: longer side in pixels at quantiles 0.05, 0.5 and 0.95; None where none was counted.
        qualities: quality of the JPEGs, 1 to 100, at the same quantiles; None where there are none.
    """

    formats: dict[str, float]
    exif: dict[str, float]
    sides: tuple[float, ...] | None
    qualities: tuple[float, ...] | None


def files_of(samples: Samples, model: str) -> Files | None:
    """The files of a model's chosen images; None where none was counted."""
    formats = samples.by("format", TRAFFIC_FILES.name, model=model)
    if not sum(formats.values()):
        return None
    return Files(
        formats=dict(sorted(((name, count) for name, count in formats.items() if count), key=lambda each: -each[1])),
        exif=samples.by("exif", TRAFFIC_FILES.name, model=model),
        sides=quantiles(samples, TRAFFIC_SIDE_PIXELS, _AT, model=model),
        qualities=quantiles(samples, TRAFFIC_JPEG_QUALITY, _AT, model=model),
    )
