"""What the shadow path counts of a candidate beside its model."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from groupnl.archive.manifest import unpacked_manifest
from groupnl.archive.shadow_config import ShadowConfig
from groupnl.corruptions import Cell
from groupnl.metrics import (
    BOTH_RIGHT,
    BOTH_WRONG,
    CANDIDATE_AGREES,
    CANDIDATE_DISAGREEMENTS,
    CANDIDATE_FAILURES,
    CANDIDATE_HOLDS,
    CANDIDATE_IMAGES,
    CANDIDATE_RIGHT,
    CANDIDATE_SECONDS,
    HOLD_OUTCOMES,
    ONLY_CANDIDATE_RIGHT,
    ONLY_MODEL_RIGHT,
    OTHER_CLASS,
    Metrics,
)
from groupnl.service.shadow.batch import Result
from groupnl.service.shadow.job import Job

_BOTH_HOLD, _ONLY_MODEL_HOLDS, _ONLY_CANDIDATE_HOLDS, _BOTH_FLIP = HOLD_OUTCOMES
Pair = tuple[str, str]
_OTHERS: Pair = (OTHER_CLASS, OTHER_CLASS)


class FrequentPairs:
    """Chooses the pairs of classes that are counted by themselves: counters cannot be renamed, so early and for good.

    A pair is chosen when it has come twice; the more there are, the more often it has to come. So what is rare does not
    take the places of what is frequent, and what is remembered stays bounded.

    Args:
        most: so many are chosen.
        remembered: so many others are known at a time; then those that came once are forgotten.
    """

    def __init__(self, most: int = 50, remembered: int = 10_000) -> None:
        self._most = most
        self._remembered = remembered
        self._chosen: set[Pair] = set()
        self._others: Counter[Pair] = Counter()

    def name(self, pair: Pair) -> Pair:
        """The pair, where it is counted by itself; else what stands for all others."""
        if pair in self._chosen:
            return pair
        if len(self._chosen) == self._most:
            return _OTHERS
        self._others[pair] += 1
        if self._others[pair] < 2 + len(self._chosen) // 10:
            self._forget_rare()
            return _OTHERS
        self._chosen.add(pair)
        del self._others[pair]
        return pair

    def _forget_rare(self) -> None:
        if len(self._others) > self._remembered:
            often = Counter({pair: count for pair, count in self._others.items() if count > 1})
            self._others = often if len(often) <= self._remembered // 2 else Counter()


class CandidateCounts:
    """Counts a candidate; a `PairListener` of the shadow path.

    Args:
        metrics: of the worker.
        candidate: its name.
        classes: of the model, in the order of its logits.
        corruptions: that images meet.
        takes_pixels: whether it is also asked where the client sent pixels and no file.
    """

    def __init__(
        self,
        metrics: Metrics,
        candidate: str,
        classes: Sequence[str],
        corruptions: Sequence[str],
        *,
        takes_pixels: bool,
    ) -> None:
        self._metrics = metrics
        self._name = candidate
        self._classes = classes
        self._takes_pixels = takes_pixels
        self._pairs = FrequentPairs()
        for family in (CANDIDATE_IMAGES, CANDIDATE_AGREES, CANDIDATE_FAILURES, CANDIDATE_RIGHT, CANDIDATE_SECONDS):
            metrics.start_at_zero(family, candidate=[candidate])
        metrics.start_at_zero(CANDIDATE_HOLDS, candidate=[candidate], corruption=corruptions)

    def pair(self, job: Job, cell: Cell, result: Result) -> None:
        """Count one image; `result` has a change."""
        answer, change = result.candidate, result.change
        assert change is not None  # noqa: S101 (for mypy)
        if answer is None:
            if job.file or self._takes_pixels:
                self._metrics.inc(CANDIDATE_FAILURES, candidate=self._name)
            return
        best = int(job.clean.argmax())
        self._agreement(self._classes[best], answer.best)
        for network, seconds in (("model", result.seconds), ("candidate", answer.seconds)):
            self._metrics.observe(CANDIDATE_SECONDS, seconds, candidate=self._name, network=network)
        if answer.holds is not None:
            outcome = _holds(not change.flipped, answer.holds)
            self._metrics.inc(CANDIDATE_HOLDS, candidate=self._name, corruption=cell.corruption, outcome=outcome)
        if job.label is not None:
            outcome = _right(best == job.label, answer.best == self._classes[job.label])
            self._metrics.inc(CANDIDATE_RIGHT, candidate=self._name, outcome=outcome)

    def _agreement(self, model_class: str, candidate_class: str) -> None:
        self._metrics.inc(CANDIDATE_IMAGES, candidate=self._name)
        if model_class == candidate_class:
            self._metrics.inc(CANDIDATE_AGREES, candidate=self._name)
            return
        ours, theirs = self._pairs.name((model_class, candidate_class))
        self._metrics.inc(CANDIDATE_DISAGREEMENTS, candidate=self._name, model_class=ours, candidate_class=theirs)


def candidate_counts(model_dir: Path, config: ShadowConfig, metrics: Metrics) -> list[CandidateCounts]:
    """What counts the candidate of a model; nothing where it has none.

    Args:
        model_dir: the model's unpacked archive.
        config: of its shadows.
        metrics: of the worker.
    """
    if config.candidate is None or config.candidate_dir is None:
        return []
    model, candidate = (unpacked_manifest(folder).card for folder in (model_dir, config.candidate_dir))
    takes_pixels = not candidate.input.seen_otherwise(model.input)
    return [CandidateCounts(metrics, config.candidate, model.classes, config.corruptions, takes_pixels=takes_pixels)]


def _holds(model: bool, candidate: bool) -> str:
    if model:
        return _BOTH_HOLD if candidate else _ONLY_MODEL_HOLDS
    return _ONLY_CANDIDATE_HOLDS if candidate else _BOTH_FLIP


def _right(model: bool, candidate: bool) -> str:
    if model:
        return BOTH_RIGHT if candidate else ONLY_MODEL_RIGHT
    return ONLY_CANDIDATE_RIGHT if candidate else BOTH_WRONG
