"""How far the traffic has drifted from held-back images: pixels and answers by their ranks, and predicted classes."""

from collections.abc import Sequence
from typing import NamedTuple

from groupnl.metrics import (
    CONFIDENCE,
    ENTROPY,
    EXPECTED_CONFIDENCE,
    EXPECTED_ENTROPY,
    EXPECTED_PREDICTED,
    OTHER_CLASS,
    PREDICTED,
    TRAFFIC_RANK,
    Family,
)
from groupnl.report.samples import Samples
from groupnl.report.shares import buckets
from groupnl.traffic.drift import (
    ANSWER_MARGIN,
    ANSWER_STATISTICS,
    BROKEN_ANSWER_MARGIN,
    CLASS_MARGIN,
    LEAST_ANSWERS,
    STATISTIC_MARGIN,
    WINDOWS,
    Gap,
    class_noise,
    gap_noise,
    largest_gap,
    total_variation,
)

_SHOWN = 10  # classes, at most


class Statistic(NamedTuple):
    """A property of images, or of the clean answers to them, by ranks among held-back ones.

    Attributes:
        name: of the property.
        gap: between live and held-back images.
        mean: mean rank, 0 to 1; 0.5 where live images are like held-back ones.
        shares: of the live images in each step of the ranks, all steps equally long.
    """

    name: str
    gap: Gap
    mean: float
    shares: tuple[float, ...]

    @property
    def is_of_answers(self) -> bool:
        """Whether it is of the answers, not of the pixels."""
        return self.name in ANSWER_STATISTICS

    @property
    def told_from(self) -> float:
        """The gap that is told, 0 to 1: what chance allows, and the margin."""
        return min(1.0, self.gap.noise + self._margin)

    @property
    def has_drifted(self) -> bool:
        """Whether the gap is larger than chance and the margin."""
        return self.gap.beyond > self._margin

    @property
    def _margin(self) -> float:
        return ANSWER_MARGIN if self.is_of_answers else STATISTIC_MARGIN

    @property
    def is_broken(self) -> bool:
        """Whether it is so large that confidence says nothing of accuracy."""
        return self.is_of_answers and self.gap.beyond > BROKEN_ANSWER_MARGIN


class ClassShare(NamedTuple):
    """How often a class is the best one.

    Attributes:
        name: of the class.
        live: share of the live answers.
        expected: share of the held-back images.
    """

    name: str
    live: float
    expected: float


class Classes(NamedTuple):
    """Predicted classes of all live answers, beside those of held-back images.

    Attributes:
        answers: that were counted.
        gap: between the two; None with too few answers.
        shares: those that differ most, the most first.
    """

    answers: float
    gap: Gap | None
    shares: list[ClassShare]

    @property
    def has_drifted(self) -> bool:
        """Whether the gap is larger than chance and the margin."""
        return self.gap is not None and self.gap.beyond > CLASS_MARGIN


class Answers(NamedTuple):
    """A property of all live answers, which repeated images move, beside those to held-back images.

    Attributes:
        name: of the property, 0 to 1.
        live: its mean over the live answers.
        expected: its mean over the held-back images, from shares in buckets.
        gap: largest difference of the two cumulative distributions, 0 to 1.
    """

    name: str
    live: float
    expected: float
    gap: float


def statistics_of(samples: Samples, model: str, held_back: float) -> list[Statistic]:
    """The statistics that were counted of a model's chosen images, beside so many held-back ones."""
    counts = samples.by("statistic", f"{TRAFFIC_RANK.name}_count", model=model)
    sums = samples.by("statistic", f"{TRAFFIC_RANK.name}_sum", model=model)
    return [
        _statistic(name, buckets(samples, TRAFFIC_RANK, model=model, statistic=name), sums.get(name, 0.0), held_back)
        for name, count in counts.items()
        if count
    ]


def _statistic(name: str, counts: list[tuple[float, float]], total_rank: float, held_back: float) -> Statistic:
    images = counts[-1][1]
    bounds = [bound for bound, _ in counts[:-1]]
    observed = [count / images for _, count in counts[:-1]]
    steps = (high - low for low, high in zip([0.0, *observed], observed, strict=False))
    gap = Gap(largest_gap(observed, bounds), gap_noise(WINDOWS[-1], images, held_back))
    return Statistic(name, gap, total_rank / images, tuple(steps))


def classes_of(samples: Samples, model: str, held_back: float) -> Classes | None:
    """The classes that a model predicted, beside those of so many held-back images; None where none was counted."""
    counts = samples.by("class", PREDICTED.name, model=model)
    answers = sum(counts.values())
    expected = samples.by("class", EXPECTED_PREDICTED.name, model=model)
    if not answers or not expected:
        return None
    expected[OTHER_CLASS] = max(0.0, 1 - sum(share for name, share in expected.items() if name != OTHER_CLASS))
    live = {name: count / answers for name, count in counts.items()}
    gap = Gap(total_variation(live, expected), class_noise(expected, answers, held_back))
    shares = [ClassShare(name, live.get(name, 0.0), expected.get(name, 0.0)) for name in {**expected, **live}]
    shares.sort(key=lambda each: -abs(each.live - each.expected))
    return Classes(answers, gap if answers >= LEAST_ANSWERS else None, shares[:_SHOWN])


def answers_of(samples: Samples, model: str) -> list[Answers]:
    """Confidence and entropy of all live answers; those that nobody counted, or expected, are not there."""
    found = (
        _answers(samples, model, name, counted, told)
        for name, counted, told in (
            ("confidence", CONFIDENCE, EXPECTED_CONFIDENCE),
            ("entropy", ENTROPY, EXPECTED_ENTROPY),
        )
    )
    return [each for each in found if each is not None]


def _answers(samples: Samples, model: str, name: str, counted: Family, told: Family) -> Answers | None:
    counts = buckets(samples, counted, model=model)
    shares = {float(bound): share for bound, share in samples.by("le", told.name, model=model).items()}
    if not counts or not counts[-1][1] or any(bound not in shares for bound in counted.buckets):
        return None
    answers = counts[-1][1]
    observed, expected = [count / answers for _, count in counts[:-1]], [shares[bound] for bound in counted.buckets]
    live = samples.total(f"{counted.name}_sum", model=model) / answers
    return Answers(name, live, _mean(counted.buckets, expected), largest_gap(observed, expected))


def _mean(bounds: Sequence[float], shares: Sequence[float]) -> float:
    """Of a distribution of values from 0, each taken for its bucket's middle."""
    steps = zip([0.0, *bounds], bounds, [0.0, *shares], shares, strict=False)
    return sum((high - low) * (left + right) / 2 for left, right, low, high in steps)
