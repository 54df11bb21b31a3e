"""All streams, in the order of the page."""

from groupnl_studies.statistics import band, independent, level, power, relative, repeats, windows

STREAMS = (independent.STREAM, repeats.STREAM, power.STREAM, windows.STREAM, band.STREAM, relative.STREAM, level.STREAM)
