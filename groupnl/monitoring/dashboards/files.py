"""The panels on the files of the traffic: formats, sizes, qualities."""

from collections.abc import Sequence

from groupnl.metrics import TRAFFIC_FILES, TRAFFIC_JPEG_QUALITY, TRAFFIC_SIDE_PIXELS, Family
from groupnl.monitoring.dashboards.panels import COUNT, LINES_HEIGHT, AnyPanel, Query, Text, lines, rows
from groupnl.monitoring.dashboards.queries import WATCHED, WINDOW, in_window
from groupnl.monitoring.promql import quantile

PARTS = {"a tenth at most": 0.1, "half at most": 0.5, "nine tenths at most": 0.9}


def files_row() -> Sequence[AnyPanel]:
    """Of chosen images, as clients sent them."""
    return [_formats(), _sides(), _qualities()]


def _formats() -> AnyPanel:
    text = Text(
        "Formats, last $window",
        "Chosen images by the format of their file and whether it has EXIF data: without it a photograph may lie on "
        "its side. Images that were sent as pixels have no file.",
        8,
        LINES_HEIGHT,
        "no files yet",
    )
    by = "format, exif"
    files = in_window(TRAFFIC_FILES, by)
    return rows(text, ["format", "exif"], [Query("files", files, unit=COUNT, decimals=0)])


def _sides() -> AnyPanel:
    text = Text(
        "Longer side, pixels",
        "Of chosen images, before they are made smaller: the side that a tenth, half and nine tenths have at most. "
        "Another client, or a thumbnail in place of an image, shows here.",
        8,
        LINES_HEIGHT,
        "no files yet",
    )
    return lines(text, _parts(TRAFFIC_SIDE_PIXELS), COUNT)


def _qualities() -> AnyPanel:
    text = Text(
        "Quality of JPEG files",
        "1 to 100, by the tables in the file: the quality that a tenth, half and nine tenths have at most. An image "
        "that was saved before at a lower one does not tell.",
        8,
        LINES_HEIGHT,
        "no JPEG yet",
    )
    return lines(text, _parts(TRAFFIC_JPEG_QUALITY), COUNT, most=100)


def _parts(family: Family) -> list[Query]:
    """Absent, not NaN, where nothing came."""
    return [Query(name, f"{quantile(part, family, 'model', WINDOW, WATCHED)} >= 0") for name, part in PARTS.items()]
