"""What a service has counted of a model and its candidate, on the same images."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from groupnl.errors import ConfigError, ServerError
from groupnl.metrics import (
    CANDIDATE_AGREES,
    CANDIDATE_DISAGREEMENTS,
    CANDIDATE_FAILURES,
    CANDIDATE_HOLDS,
    CANDIDATE_IMAGES,
    CANDIDATE_RIGHT,
    CANDIDATE_SECONDS,
    LATE_CANDIDATE_RIGHT,
    OTHER_CLASS,
    REQUESTS,
    Family,
)
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


class Disagreement(NamedTuple):
    """Images that the two call differently.

    Attributes:
        model_class: the model's answer.
        candidate_class: the candidate's.
        images: how many.
    """

    model_class: str
    candidate_class: str
    images: float


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
    live, late = (_versus(samples, family, labels) for family in (CANDIDATE_RIGHT, LATE_CANDIDATE_RIGHT))
    right = Versus(*(one + other for one, other in zip(live, late, strict=True)))
    holds = _versus(samples, CANDIDATE_HOLDS, labels)
    _check_possible(images, agrees, images - agrees, failures, *right, *holds)
    return Counts(
        images=images,
        agrees=agrees,
        failures=failures,
        right=right,
        holds=holds,
        seconds=_seconds(samples, labels),
        disagreements=_disagreements(samples, labels),
    )


def _check_known(what: str, name: str, known: Mapping[str, float]) -> None:
    if name not in known:
        there = f"there are of {', '.join(sorted(known))}" if known else "there are of none: groupnl serve --candidate"
        raise ConfigError(f"there are no metrics of {what} {name!r}; {there}")


def _check_possible(*counts: float) -> None:
    if wrong := [count for count in counts if not 0 <= count < math.inf]:
        raise ServerError(f"the service's metrics cannot be true: they say of {wrong[0]:g} images; ask it again")


def _versus(samples: Samples, family: Family, labels: Mapping[str, str]) -> Versus:
    outcomes = samples.by("outcome", family.name, **labels)
    one_only = {name: outcomes.get(name, 0.0) for name in ("candidate_only", "model_only")}
    return Versus(**one_only, alike=sum(outcomes.values()) - sum(one_only.values()))


def _seconds(samples: Samples, labels: Mapping[str, str]) -> dict[str, float]:
    sums = samples.by("network", f"{CANDIDATE_SECONDS.name}_sum", **labels)
    images = samples.by("network", f"{CANDIDATE_SECONDS.name}_count", **labels)
    return {network: sums[network] / images[network] for network in sums if images.get(network)}


def _disagreements(samples: Samples, labels: Mapping[str, str]) -> tuple[Disagreement, ...]:
    sums: dict[tuple[str, str], float] = {}
    for sample in samples.matching(CANDIDATE_DISAGREEMENTS.name, **labels):
        pair = sample.labels["model_class"], sample.labels["candidate_class"]
        sums[pair] = sums.get(pair, 0.0) + sample.value
    found = [Disagreement(*pair, images) for pair, images in sums.items() if pair != (OTHER_CLASS, OTHER_CLASS)]
    return tuple(sorted((one for one in found if one.images), key=lambda one: -one.images))
