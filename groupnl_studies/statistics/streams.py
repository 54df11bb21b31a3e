"""All streams, in the order of the page."""

from groupnl_studies.statistics import (
    band,
    drift,
    forgetting,
    independent,
    level,
    lives,
    load,
    power,
    relative,
    repeats,
    similar,
    windows,
)

STREAMS = (
    independent.STREAM,
    repeats.STREAM,
    similar.STREAM,
    forgetting.STREAM,
    load.STREAM,
    power.STREAM,
    windows.STREAM,
    lives.STREAM,
    band.STREAM,
    relative.STREAM,
    level.STREAM,
    drift.STREAM,
)
