"""What one image may cost: every limit of the way from bytes to pixels, in one place.

Read by `decode` and its helpers; an operator changes them in the archive's `model-config.yaml`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Format = Literal["JPEG", "PNG", "WEBP", "BMP"]
Positive = Annotated[int, Field(gt=0)]


class Limits(BaseModel):
    """Upper bounds on one image; an image above any of them is answered with status 413.

    The costs in brackets are the slowest accepted file's, measured on one 2024 server core.

    Attributes:
        max_bytes: length of the encoded image.
        max_pixels: width times height, read from the header before anything is decoded [1 s, 0.9 GB].
        max_rle_pixels: the same for run-length-encoded BMP, which Pillow decodes in Python [0.4 s].
        max_scans: scans of a progressive JPEG: each costs a pass over all pixels, and a scan that changes
            nothing takes 75 bytes. Usual files have about ten [2 s at ``max_pixels``].
        max_segments: parts of a file (JPEG segments, PNG chunks): Pillow handles each in Python.
        formats: the accepted formats.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_bytes: Positive = 16 * 1024 * 1024
    max_pixels: Annotated[int, Field(gt=0, le=2 * 89_478_485)] = 50_000_000  # at most Pillow's own bound
    max_rle_pixels: Positive = 4_000_000
    max_scans: Positive = 100
    max_segments: Positive = 10_000
    formats: Annotated[tuple[Format, ...], Field(min_length=1)] = ("JPEG", "PNG", "WEBP", "BMP")
