"""A service that is started again and again, and one whose archive is exchanged: whose counts a verdict rests on."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from groupnl.base.progress import progress
from groupnl.robustness.statistics import ALPHA
from groupnl_studies.statistics.finding import Finding, share_of
from groupnl_studies.statistics.paths import bounds
from groupnl_studies.statistics.stream import Stream

INFORMATIVE = 1000  # pairs between two starts
LIVES = (1, 10, 30, 100)
_LEAN = 0.7  # the share of the informative pairs that the old archive's model wins


def falsely_decided(lives: NDArray[np.int64]) -> tuple[int | None, int | None]:
    """In which life a verdict is seen first, of two models that hold alike, with a look after each pair.

    Args:
        lives: int64 (lives, pairs): 1 where only the model kept its answer, -1 where only its reference did.

    Returns:
        Counted from 0, where each life begins anew, and where counts go on; None: in none of them.
    """
    anew = (np.abs(lives.cumsum(axis=1)) >= bounds(lives.shape[1])).any(axis=1)
    leads = np.abs(lives.cumsum())
    kept = (leads >= bounds(lives.size)).reshape(lives.shape).any(axis=1)
    return _first(anew), _first(kept)


def _first(decided: NDArray[np.bool_]) -> int | None:
    return int(decided.argmax()) if decided.any() else None


def _signs(shape: tuple[int, ...], lean: float, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.where(rng.random(shape) < lean, 1, -1)


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    histories = progress(range(runs), unit="runs", title="starts", stays=False)
    found = [falsely_decided(_signs((max(LIVES), INFORMATIVE), 0.5, rng)) for _ in histories]
    for lives in LIVES:
        case = f"{lives} starts, {INFORMATIVE} informative pairs each"
        anew, kept = (sum(first is not None and first < lives for first in each) for each in zip(*found, strict=True))
        yield share_of(case, "false verdicts, each start begins anew", anew, runs)
        yield share_of(case, "false verdicts, counts go on", kept, runs, at_most=ALPHA)
    yield from _exchanged(runs, rng)


def _exchanged(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    """The old model is truly better than the twin, the new one holds like it."""
    case = f"another archive after {INFORMATIVE} informative pairs"
    mixed = dropped = 0
    for _ in range(runs):
        old, new = _signs((INFORMATIVE,), _LEAN, rng), _signs((INFORMATIVE,), 0.5, rng)
        leads = old.sum() + new.cumsum()
        mixed += bool((leads >= bounds(2 * INFORMATIVE)[INFORMATIVE:]).any())
        dropped += falsely_decided(new[None])[0] is not None
    yield share_of(case, "false verdicts on the new one, the old one's pairs count", mixed, runs)
    yield share_of(case, "false verdicts on the new one, they are dropped", dropped, runs, at_most=ALPHA)


STREAM = Stream("lives", "two models that hold alike, through restarts and reloads", 1000, _simulate)
