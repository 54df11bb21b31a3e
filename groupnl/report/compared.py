"""What a service has counted of a model and its candidate: read here for the report and for `groupnl gate`."""

from collections.abc import Mapping
from typing import NamedTuple

from groupnl.metrics import CANDIDATE_DISAGREEMENTS, CANDIDATE_RIGHT, LATE_CANDIDATE_RIGHT, OTHER_CLASS
from groupnl.report.samples import Samples


class Disagreement(NamedTuple):
    """Two best classes that the same images got.

    Attributes:
        model_class: of the model.
        candidate_class: of the candidate.
        images: that got both.
    """

    model_class: str
    candidate_class: str
    images: float

    @property
    def is_of_others(self) -> bool:
        """Whether it stands for all pairs that are not counted by themselves."""
        return self.model_class == self.candidate_class == OTHER_CLASS


def disagreements(samples: Samples, labels: Mapping[str, str]) -> list[Disagreement]:
    """Every pair of best classes that differ, the most frequent first.

    Args:
        samples: what was counted.
        labels: ``model`` and ``candidate``.
    """
    sums: dict[tuple[str, str], float] = {}
    for sample in samples.matching(CANDIDATE_DISAGREEMENTS.name, **labels):
        pair = sample.labels["model_class"], sample.labels["candidate_class"]
        sums[pair] = sums.get(pair, 0.0) + sample.value
    found = [Disagreement(*pair, images) for pair, images in sums.items() if images]
    return sorted(found, key=lambda one: (-one.images, one))


def who_was_right(samples: Samples, labels: Mapping[str, str]) -> dict[str, float]:
    """Outcome -> images that came with their class, and those whose class came later; ``labels`` as above."""
    counts: dict[str, float] = {}
    for family in (CANDIDATE_RIGHT, LATE_CANDIDATE_RIGHT):
        for outcome, count in samples.by("outcome", family.name, **labels).items():
            counts[outcome] = counts.get(outcome, 0.0) + count
    return counts
