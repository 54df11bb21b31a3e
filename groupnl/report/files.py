"""In which files the images come: formats, EXIF, sides and the quality of JPEGs."""

from typing import NamedTuple

from groupnl.metrics import TRAFFIC_FILES, TRAFFIC_JPEG_QUALITY, TRAFFIC_SIDE_PIXELS
from groupnl.report.samples import Samples
from groupnl.report.shares import Between, most_between

_PART = 0.9  # of the images, that a range is told of


class Files(NamedTuple):
    """The files of the chosen images.

    Attributes:
        formats: images by format, the most frequent first.
        exif: images by whether their file has EXIF.
        sides: where nine in ten longer sides lie, pixels; None where none was counted.
        qualities: where nine in ten qualities of JPEGs lie, 1 to 100; None where there are none.
    """

    formats: dict[str, float]
    exif: dict[str, float]
    sides: Between | None
    qualities: Between | None


def files_of(samples: Samples, model: str) -> Files | None:
    """The files of a model's chosen images; None where none was counted."""
    formats = samples.by("format", TRAFFIC_FILES.name, model=model)
    if not sum(formats.values()):
        return None
    return Files(
        formats=dict(sorted(((name, count) for name, count in formats.items() if count), key=lambda each: -each[1])),
        exif=samples.by("exif", TRAFFIC_FILES.name, model=model),
        sides=most_between(samples, TRAFFIC_SIDE_PIXELS, _PART, model=model),
        qualities=most_between(samples, TRAFFIC_JPEG_QUALITY, _PART, model=model),
    )
