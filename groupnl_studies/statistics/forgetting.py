"""More images than are remembered: how many there may be, and how long the comparison may go on."""

from collections.abc import Iterator

import numpy as np

from groupnl.robustness.statistics import ALPHA
from groupnl_studies.statistics.choosing import chosen
from groupnl_studies.statistics.finding import Finding
from groupnl_studies.statistics.repeats import false_verdicts, pictures, zipf
from groupnl_studies.statistics.stream import Stream

_IMAGES = 4000
_REQUESTS = 32_000  # each image 8 times
_REMEMBERED = (0, 500, 1000, 2000, 4000)


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    streams = {"equally likely": rng.integers(0, _IMAGES, _REQUESTS), "by Zipf's law": zipf(_IMAGES, _REQUESTS, rng)}
    images = pictures(_IMAGES, rng)
    for kind, stream in streams.items():
        for remembered in _REMEMBERED:
            places = chosen(images, stream, remembered, 0)
            case = f"{_IMAGES} images, {kind}, {remembered} remembered"
            yield Finding(case, "pairs", len(places), "")
            yield Finding(case, "pairs an image", len(places) / len(np.unique(stream)), "")
            bound = ALPHA if remembered == _IMAGES else None
            yield false_verdicts(case, "false verdicts", stream[places], runs, rng, at_most=bound)


STREAM = Stream("forgetting", "more images than are remembered", 500, _simulate)
