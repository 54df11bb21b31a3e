"""All streams, in the order of the page."""

from groupnl_studies.statistics import independent

STREAMS = (independent.STREAM,)
