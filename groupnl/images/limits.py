"""What one image may cost: every limit of the way from bytes to pixels, in one place.

Read by `decode` and its helpers; an operator changes them in the archive's `model-config.yaml`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from groupnl.base.numbers import Positive

Encoded = bytes | bytearray  # an image file, or what a client sends as one
Format = Literal["JPEG", "PNG", "WEBP", "BMP"]


class Limits(BaseModel):
    """Upper bounds on one image; an image above any of them is answered with status 413.

    The costs in brackets are those of the slowest and of the largest accepted file: measured on one 2024 server
    core with an input of 224 pixels, memory above the idle process. However many images are prepared at a time, only
    one of them is large.

    Attributes:
        max_bytes: length of the encoded image.
        max_pixels: width times height, read from the header before anything is decoded [1.0 s, 0.8 GB; 2.8 s for a PNG
            of 16 bits of which one colour is transparent, which is decoded twice].
        max_side: width, and height; more than JPEG can have. Pillow's own arithmetic fails on rows of tens of
            millions of pixels.
        max_scan_pixels: scans times pixels of a progressive JPEG: each scan costs a pass over all pixels, and one
            that changes nothing takes a few bytes. Usual files have about ten scans [0.5 s, 0.4 GB].
        max_segments: parts of a file (JPEG segments, PNG chunks): Pillow handles each in Python.
        formats: the accepted formats.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_bytes: Positive = 16 * 1024 * 1024
    max_pixels: Annotated[int, Field(gt=0, le=2 * 89_478_485)] = 50_000_000  # at most Pillow's own bound
    max_side: Annotated[int, Field(gt=0, le=1_000_000)] = 65_535
    max_scan_pixels: Positive = 1_000_000_000
    max_segments: Positive = 10_000
    formats: Annotated[tuple[Format, ...], Field(min_length=1)] = ("JPEG", "PNG", "WEBP", "BMP")
