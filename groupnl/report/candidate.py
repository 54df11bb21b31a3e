"""A second archive beside the served one on the same images: what was counted of it, and its card."""

from typing import NamedTuple

from groupnl.corruptions.names import NAMES
from groupnl.metrics import (
    BOTH_RIGHT,
    CANDIDATE_AGREES,
    CANDIDATE_FAILURES,
    CANDIDATE_HOLDS,
    CANDIDATE_IMAGES,
    CANDIDATE_SECONDS,
    HOLD_OUTCOMES,
    ONLY_CANDIDATE_RIGHT,
    ONLY_MODEL_RIGHT,
)
from groupnl.report.compared import Disagreement, disagreements, who_was_right
from groupnl.report.samples import Samples
from groupnl.report.shares import CountedShare, quantiles, share_of
from groupnl.report.twin import Twin, against
from groupnl.robustness.always_valid import always_valid_mean, always_valid_share
from groupnl.robustness.statistics import Interval, paired_difference

_, _, ONLY_CANDIDATE_HOLDS, _ = HOLD_OUTCOMES
SHOWN = 10  # pairs of classes, at most


class Right(NamedTuple):
    """Who was right on images of known class, without corruption.

    Attributes:
        model: right answers of the model.
        candidate: right answers of the candidate.
        interval: of the difference.
    """

    model: CountedShare
    candidate: CountedShare
    interval: Interval

    @property
    def difference(self) -> float:
        """Of the two accuracies, the candidate's minus the model's."""
        return self.candidate.value - self.model.value


class Candidate(NamedTuple):
    """A candidate beside the served model.

    Attributes:
        name: of the candidate.
        agrees: images to which both gave the same best class.
        failed: images that it could not answer, among all that it was asked.
        holds: the model against it under corruption.
        right: where classes are known; None where none is.
        disagreements: the most frequent first.
        others: images that got any other two classes.
        model_s: seconds of an image at quantiles 0.5, 0.95 and 0.99, by the model; None where nothing was timed.
        candidate_s: the same by the candidate.
        in_window: intervals are of this one look; else those of agreement and of accuracies' difference may be looked
            at any time, as those of `groupnl gate`.
    """

    name: str
    agrees: CountedShare
    failed: CountedShare
    holds: Twin
    right: Right | None
    disagreements: list[Disagreement]
    others: float
    model_s: tuple[float, ...] | None
    candidate_s: tuple[float, ...] | None
    in_window: bool


def candidates_of(samples: Samples, model: str, in_window: bool) -> list[Candidate]:
    """Every candidate of a model that has been asked anything, by name.

    Args:
        samples: what was counted.
        model: as it is served.
        in_window: they are the counts of a time that slides, not those since a beginning.
    """
    names = {
        name
        for family in (CANDIDATE_IMAGES, CANDIDATE_FAILURES)
        for name in samples.by("candidate", family.name, model=model)
    }
    return [_candidate(samples, model, name, in_window) for name in sorted(names)]


def _candidate(samples: Samples, model: str, name: str, in_window: bool) -> Candidate:
    labels = {"model": model, "candidate": name}
    images, failures = (samples.total(family.name, **labels) for family in (CANDIDATE_IMAGES, CANDIDATE_FAILURES))
    agreed = samples.total(CANDIDATE_AGREES.name, **labels)
    outcomes = {
        corruption: samples.by("outcome", CANDIDATE_HOLDS.name, corruption=corruption, **labels) for corruption in NAMES
    }
    found = disagreements(samples, labels)
    named = [pair for pair in found if not pair.is_of_others][:SHOWN]
    return Candidate(
        name=name,
        agrees=share_of(agreed, images)
        if in_window
        else CountedShare(agreed, images, always_valid_share(agreed, images)),
        failed=share_of(failures, images + failures),
        holds=against(name, outcomes, ONLY_CANDIDATE_HOLDS, in_window),
        right=_right(samples, labels, in_window),
        disagreements=named,
        others=sum(pair.images for pair in found) - sum(pair.images for pair in named),
        model_s=quantiles(samples, CANDIDATE_SECONDS, network="model", **labels),
        candidate_s=quantiles(samples, CANDIDATE_SECONDS, network="candidate", **labels),
        in_window=in_window,
    )


def _right(samples: Samples, labels: dict[str, str], in_window: bool) -> Right | None:
    counts = who_was_right(samples, labels)
    total = sum(counts.values())
    if not total:
        return None
    both, ours, theirs = (counts.get(outcome, 0.0) for outcome in (BOTH_RIGHT, ONLY_MODEL_RIGHT, ONLY_CANDIDATE_RIGHT))
    if in_window:
        interval = paired_difference(theirs, ours, total)
    else:
        interval = always_valid_mean(theirs, total - ours - theirs, ours)
    return Right(share_of(both + ours, total), share_of(both + theirs, total), interval)
