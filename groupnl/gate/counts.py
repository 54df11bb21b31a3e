"""What a service has counted of a model and its candidate, on the same images."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from groupnl.errors import ConfigError, ServerError
from groupnl.metrics import (
    CANDIDATE_AGREES,
    CANDIDATE_FAILURES,
    CANDIDATE_HOLDS,
    CANDIDATE_IMAGES,
    CANDIDATE_SECONDS,
    REQUESTS,
)
from groupnl.report.compared import Disagreement, disagreements, who_was_right
from groupnl.report.samples import Samples


class Versus(NamedTuple):
    """Images by who did well on them.

    Attributes:
        candidate_only: only the candidate.
        alike: both, or neither.
        model_only: only the model.
    """

    candidate_only: float = 0
    alike: float = 0
    model_only: float = 0

    @property
    def images(self) -> float:
        """All of them."""
        return sum(self)


class Counts(NamedTuple):
    """What was counted of a model and its candidate.

    Attributes:
        images: that both have answered.
        agrees: of those, with the same best class.
        failures: images that only the model has answered.
        right: images whose class is known, by who was right.
        holds: images by who kept the own answer under corruption.
        seconds: ``model`` and ``candidate`` -> mean seconds of an image; empty where nothing was timed.
        disagreements: pairs of classes that were counted by themselves, the most frequent first.
    """

    images: float
    agrees: float
    failures: float
    right: Versus
    holds: Versus
    seconds: Mapping[str, float] = {}
    disagreements: tuple[Disagreement, ...] = ()


def counts_of(samples: Samples, model: str, candidate: str) -> Counts:
    """The counts of one comparison.

    Raises:
        ConfigError: there are no metrics of the model, or it has no such candidate.
        ServerError: they are no counts.
    """
    _check_known("the model", model, samples.by("model", REQUESTS.name))
    _check_known(f"a candidate of {model},", candidate, samples.by("candidate", CANDIDATE_IMAGES.name, model=model))
    labels = {"model": model, "candidate": candidate}
    images, agrees, failures = (
        samples.total(family.name, **labels) for family in (CANDIDATE_IMAGES, CANDIDATE_AGREES, CANDIDATE_FAILURES)
    )
    right = _versus(who_was_right(samples, labels))
    holds = _versus(samples.by("outcome", CANDIDATE_HOLDS.name, **labels))
    _check_possible(images, agrees, images - agrees, failures, *right, *holds)
    return Counts(
        images=images,
        agrees=agrees,
        failures=failures,
        right=right,
        holds=holds,
        seconds=_seconds(samples, labels),
        disagreements=tuple(one for one in disagreements(samples, labels) if not one.is_of_others),
    )


def _check_known(what: str, name: str, known: Mapping[str, float]) -> None:
    if name not in known:
        there = f"there are of {', '.join(sorted(known))}" if known else "there are of none: groupnl serve --candidate"
        raise ConfigError(f"there are no metrics of {what} {name!r}; {there}")


def _check_possible(*counts: float) -> None:
    if wrong := [count for count in counts if not 0 <= count < math.inf]:
        raise ServerError(f"the service's metrics cannot be true: they say of {wrong[0]:g} images; ask it again")


def _versus(outcomes: Mapping[str, float]) -> Versus:
    one_only = {name: outcomes.get(name, 0.0) for name in ("candidate_only", "model_only")}
    return Versus(**one_only, alike=sum(outcomes.values()) - sum(one_only.values()))


def _seconds(samples: Samples, labels: Mapping[str, str]) -> dict[str, float]:
    sums = samples.by("network", f"{CANDIDATE_SECONDS.name}_sum", **labels)
    images = samples.by("network", f"{CANDIDATE_SECONDS.name}_count", **labels)
    return {network: sums[network] / images[network] for network in sums if images.get(network)}
