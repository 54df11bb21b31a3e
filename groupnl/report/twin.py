"""The model against its reference on the same corrupted images."""

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

from groupnl.corruptions.names import NAMES
from groupnl.metrics import BOTH_FLIP, MODEL_ONLY, PAIRED_OUTCOMES_TOTAL, REFERENCE_ONLY
from groupnl.report.samples import Samples
from groupnl.robustness.statistics import (
    Comparison,
    Interval,
    Relative,
    Verdict,
    compare_paired,
    paired_difference,
    relative_flips,
)


class Side(NamedTuple):
    """The model beside its reference, under one corruption or under all.

    Attributes:
        pairs: images that both answered.
        test: the always-valid one.
        in_window: the counts are those of a time that slides, which has no beginning that the test could hold from.
    """

    pairs: float
    test: Comparison
    in_window: bool

    @property
    def verdict(self) -> Verdict:
        """Who keeps its own answers more often; in a window that is never decided."""
        return "undecided" if self.in_window else self.test.verdict

    @property
    def difference(self) -> float:
        """Of the two models' agreement, the model's minus its reference's; NaN without pairs."""
        return self.test.lead / self.pairs if self.pairs else math.nan

    @property
    def interval(self) -> Interval:
        """Of the difference, at a single look."""
        return paired_difference(self.test.model_only, self.test.reference_only, self.pairs)


class Twin(NamedTuple):
    """The model against its reference on the same corrupted images.

    Attributes:
        reference: name of the reference.
        by_corruption: the two under each corruption.
        overall: under all of them.
        relative_flips: flips relative to the reference's; None where that had none.
    """

    reference: str
    by_corruption: dict[str, Side]
    overall: Side
    relative_flips: Relative | None


def twin_of(samples: Samples, model: str, in_window: bool) -> Twin | None:
    """The model against its reference; None where it has none.

    Args:
        samples: what was counted.
        model: as it is served.
        in_window: they are the counts of a time that slides, not those since a beginning.
    """
    references = samples.by("reference", PAIRED_OUTCOMES_TOTAL.name, model=model)
    if not references:
        return None
    reference = max(references, key=lambda name: references[name])
    outcomes = {
        name: samples.by("outcome", PAIRED_OUTCOMES_TOTAL.name, model=model, reference=reference, corruption=name)
        for name in NAMES
    }
    return against(reference, outcomes, REFERENCE_ONLY, in_window)


def against(reference: str, outcomes: Mapping[str, Mapping[str, float]], only_it: str, in_window: bool) -> Twin:
    """A model against another by who kept its own answers.

    Args:
        reference: name of the other.
        outcomes: corruption -> outcome -> images.
        only_it: the outcome in which only the other kept its answer.
        in_window: they are the counts of a time that slides, not those since a beginning.
    """
    by_corruption = {name: _side([found], only_it, in_window) for name, found in outcomes.items()}
    flips = (_count(outcomes.values(), outcome) for outcome in (MODEL_ONLY, only_it, BOTH_FLIP))
    return Twin(reference, by_corruption, _side(outcomes.values(), only_it, in_window), relative_flips(*flips))


def _side(outcomes: Collection[Mapping[str, float]], only_it: str, in_window: bool) -> Side:
    test = compare_paired(_count(outcomes, MODEL_ONLY), _count(outcomes, only_it))
    return Side(sum(sum(counts.values()) for counts in outcomes), test, in_window)


def _count(outcomes: Collection[Mapping[str, float]], outcome: str) -> float:
    return sum(counts.get(outcome, 0) for counts in outcomes)
