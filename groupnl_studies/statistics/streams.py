"""All streams, in the order of the page."""

from groupnl_studies.statistics import independent, power

STREAMS = (independent.STREAM, power.STREAM)
