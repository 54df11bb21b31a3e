"""Images that come again: in any order, one after the other, and by Zipf's law, some of them all the time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from groupnl.archive.shadow_config import ShadowConfig
from groupnl.base.progress import progress
from groupnl.robustness.statistics import ALPHA, wilson_interval
from groupnl_studies.statistics.choosing import chosen
from groupnl_studies.statistics.finding import Finding, share_of
from groupnl_studies.statistics.outcomes import AGREEMENT, kept, paired
from groupnl_studies.statistics.paths import ever_decides
from groupnl_studies.statistics.stream import Stream

REQUESTS = 20_000  # that are chosen, but for the memory
_TIMES = (1, 2, 5, 10, 20, 50, 100)
_POPULATIONS = (100_000, 1000)
_FIRST_PAIRS = 2000  # whose interval is looked at
_COVERAGE = 0.93
_SIZE = 16  # pixels
_Stream = NDArray[np.int64]


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    config = ShadowConfig()
    for case, stream in streams(rng):
        places = chosen(pictures(stream.max() + 1, rng), stream, config.remembered, config.remembered_similar)
        yield Finding(case, "of the requests become pairs", len(places) / len(stream))
        yield false_verdicts(case, "false verdicts if all did", stream, runs, rng)
        yield false_verdicts(case, "false verdicts", stream[places], runs, rng, at_most=ALPHA)
        yield _coverage(case, "Wilson intervals that cover, if all did", stream, runs, rng)
        yield _coverage(case, "Wilson intervals that cover", stream[places], runs, rng, at_least=_COVERAGE)


def streams(rng: np.random.Generator) -> Iterator[tuple[str, _Stream]]:
    """Each case with its requests: which image each brings, int64 of shape (`REQUESTS`,)."""
    for times in _TIMES:
        bursts = np.arange(REQUESTS) // times
        yield f"each image {times} times, in any order" if times > 1 else "each image once", rng.permutation(bursts)
        if times > 1:
            yield f"each image {times} times, one after the other", bursts
    for population in _POPULATIONS:
        yield f"{population} images, by Zipf's law", zipf(population, REQUESTS, rng)


def zipf(population: int, requests: int, rng: np.random.Generator) -> _Stream:
    """Requests for images of which the n-th is asked for 1/n times as often as the first."""
    shares = 1 / np.arange(1, population + 1)
    return rng.choice(population, requests, p=shares / shares.sum())


def pictures(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Pictures that have nothing in common, uint8 of shape (count, 3, 16, 16)."""
    return rng.integers(0, 256, (count, 3, _SIZE, _SIZE), np.uint8)


def false_verdicts(
    case: str, figure: str, images: _Stream, runs: int, rng: np.random.Generator, *, at_most: float | None = None
) -> Finding:
    """How often somebody who looks after each pair is told that one of two equal models is better."""
    histories = progress(range(runs), unit="runs", title=case, stays=False)
    return share_of(case, figure, sum(ever_decides(paired(images, rng)) for _ in histories), runs, at_most=at_most)


def _coverage(
    case: str, figure: str, images: _Stream, runs: int, rng: np.random.Generator, *, at_least: float | None = None
) -> Finding:
    first = images[:_FIRST_PAIRS]
    covers = 0
    for _ in range(runs):
        interval = wilson_interval(int(kept(first, rng).sum()), len(first))
        covers += interval.low <= AGREEMENT <= interval.high
    return share_of(case, figure, covers, runs, at_least=at_least)


STREAM = Stream("repeats", "two models that hold alike, on images that come again", 1000, _simulate)
