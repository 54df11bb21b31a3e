"""Flips relative to a twin's: what their interval covers, and what a mean of ratios would say."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groupnl.robustness.power import DISCORDANCE
from groupnl.robustness.statistics import relative_flips
from groupnl_studies.statistics.band import FLIPS
from groupnl_studies.statistics.finding import Finding, share_of
from groupnl_studies.statistics.stream import Stream

PAIRS = (25, 100, 216, 700, 2160)
MODELS = {
    "alike": (FLIPS, FLIPS),
    "one flips less": (0.7 * FLIPS, FLIPS),
    "both hardly ever flip": (0.1 * FLIPS, 0.1 * FLIPS),
}

_Counts = NDArray[np.int64]


class Outcomes(NamedTuple):
    """Pairs by outcome, int64 (runs, corruptions) each.

    Attributes:
        model_only: only the model kept its answer.
        reference_only: only its reference did.
        both_flip: neither did.
    """

    model_only: _Counts
    reference_only: _Counts
    both_flip: _Counts

    def sums(self) -> list[list[int]]:
        """The three over all corruptions, of each run."""
        sums: list[list[int]] = np.stack(self).sum(axis=2).T.tolist()
        return sums

    def means_of_ratios(self) -> NDArray[np.float64]:
        """The mean over corruptions of flips by the reference's flips, where those are not 0; of each run."""
        flips, base = self.reference_only + self.both_flip, self.model_only + self.both_flip
        ratios = np.where(base > 0, flips / np.maximum(base, 1), 0)
        return np.asarray(ratios.sum(axis=1) / np.maximum((base > 0).sum(axis=1), 1))


def outcomes(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], pairs: int, runs: int, rng: np.random.Generator
) -> Outcomes:
    """Pairs whose corruption is dealt by chance, as many of them discordant as of the default models.

    Args:
        ours: float (corruptions,), the shares of the model's flips.
        theirs: the same of its reference.
        pairs: of each run.
        runs: how many.
        rng: of all random numbers.
    """
    independent = ours * (1 - theirs) + theirs * (1 - ours)
    discordant = independent * min(1, DISCORDANCE / independent.mean())
    both = np.clip((ours + theirs - discordant) / 2, 0, np.minimum(ours, theirs))
    shares = np.stack([theirs - both, ours - both, both, 1 - ours - theirs + both], axis=1)
    drawn = rng.multinomial(pairs, shares.ravel() / len(ours), runs).reshape(runs, len(ours), 4)
    return Outcomes(drawn[..., 0], drawn[..., 1], drawn[..., 2])


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    for name, (ours, theirs) in MODELS.items():
        truth = ours.mean() / theirs.mean()
        for pairs in PAIRS:
            case = f"{name}, {pairs} pairs"
            drawn = outcomes(ours, theirs, pairs, runs, rng)
            found = [relative for counts in drawn.sums() if (relative := relative_flips(*counts)) is not None]
            held = sum(relative.low <= truth <= relative.high for relative in found)
            yield share_of(case, "intervals that hold the truth", held, len(found), at_least=0.93)
            if name == "alike":
                yield share_of(
                    case, "intervals without 1", sum(each.differs for each in found), len(found), at_most=0.07
                )
                yield Finding(case, "mean of ratios, on average", float(drawn.means_of_ratios().mean()), "")


STREAM = Stream("relative", "flips relative to a twin's", 2000, _simulate)
