"""All streams, in the order of the page."""

from groupnl_studies.statistics import band, independent, level, lives, load, power, relative, repeats, windows

STREAMS = (
    independent.STREAM,
    repeats.STREAM,
    load.STREAM,
    power.STREAM,
    windows.STREAM,
    lives.STREAM,
    band.STREAM,
    relative.STREAM,
    level.STREAM,
)
