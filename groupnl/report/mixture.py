"""Which corruptions the traffic carries, by what its images look like, and what held-back images that were so lost."""

from collections.abc import Mapping
from statistics import NormalDist, median
from typing import NamedTuple

from groupnl.corruptions.names import CELLS, NAMES, SEVERITIES, Cell
from groupnl.metrics import CLEAN, NONE, OFFLINE_ACCURACY, TRAFFIC_FIGURE_WEIGHT, TRAFFIC_LOOKS, TRAFFIC_SHARE_WEIGHT
from groupnl.report.samples import Samples
from groupnl.traffic.drift import LEAST_IMAGES, SHARE_MARGIN, SHARE_Z, WINDOWS
from groupnl.traffic.estimated import Estimated, estimate
from groupnl.traffic.mixture import FIGURES

# Confidence of the interval that has to leave the margin out. A page is one look, however long its time is: the limits
# are those of the alerts' longest window.
_TOLD = 2 * NormalDist().cdf(SHARE_Z[WINDOWS[-1]]) - 1

PerLook = Mapping[Cell | None, float]
"""A value for each look; None: clean."""


class Carried(NamedTuple):
    """A corruption that live images may carry.

    Attributes:
        corruption: its name.
        share: of the images that carry it.
        is_told: whether that is surely more than the margin.
        severity: mean of those that look so; None where none does.
        cost: accuracy that held-back images lost that were so, 0 to 1; None where it was not measured.
    """

    corruption: str
    share: Estimated
    is_told: bool
    severity: float | None
    cost: float | None


class Mixture(NamedTuple):
    """What the traffic is made of.

    Attributes:
        images: that were looked at.
        carried: every corruption; what is told comes first, then the larger share. Empty where nothing was looked at.
        clean: share of the images that carry none; None where nothing was looked at.
        accuracy: expected of this mixture, as held-back images had it; None where it was not measured.
        agreement: share of answers that are those to the images without their corruption, expected likewise.
        clean_accuracy: of the held-back images without corruption; None where it was not measured.
    """

    images: float
    carried: list[Carried]
    clean: Estimated | None
    accuracy: Estimated | None
    agreement: Estimated | None
    clean_accuracy: float | None

    @property
    def is_enough(self) -> bool:
        """Whether there are enough images to say anything."""
        return self.images >= LEAST_IMAGES

    @property
    def told(self) -> list[Carried]:
        """Corruptions that the traffic surely carries."""
        return [each for each in self.carried if each.is_told]

    @property
    def told_from(self) -> float:
        """The share of one corruption from which on it is told, about; 1 where nothing was looked at."""
        widths = [each.share.high - each.share.value for each in self.carried]
        return min(1.0, SHARE_MARGIN + median(widths)) if widths else 1.0


def mixture_of(samples: Samples, model: str, held_back: float) -> Mixture:
    """What a model's traffic is made of.

    Args:
        samples: what was counted.
        model: as it is served.
        held_back: images that the weights come from.
    """
    looks = {cell: samples.total(TRAFFIC_LOOKS.name, model=model, **_labels(cell)) for cell in (None, *CELLS)}
    kinds = _by_kind(looks)
    accuracies = _per_look(samples, OFFLINE_ACCURACY.name, model=model)
    carried = [
        Carried(
            name, share, _is_told(kinds, weights, held_back), _severity(looks, name), _cost(looks, name, accuracies)
        )
        for name in NAMES
        if (weights := _share_weights(samples, model, name)) and (share := estimate(kinds, weights, held_back))
    ]
    figures = {name: _per_look(samples, TRAFFIC_FIGURE_WEIGHT.name, model=model, figure=name) for name in FIGURES}
    accuracy, agreement = (estimate(looks, figures[name], held_back) if figures[name] else None for name in FIGURES)
    return Mixture(
        images=sum(looks.values()),
        carried=sorted(carried, key=lambda each: (not each.is_told, -each.share.value)),
        clean=estimate(kinds, _share_weights(samples, model, NONE), held_back),
        accuracy=accuracy,
        agreement=agreement,
        clean_accuracy=accuracies.get(None),
    )


def _labels(cell: Cell | None) -> dict[str, str]:
    return dict(CLEAN) if cell is None else {"corruption": cell.corruption, "severity": str(cell.severity)}


def _per_look(samples: Samples, name: str, **labels: str) -> PerLook:
    """A gauge by look; looks without a value are not there."""
    found = ((cell, samples.largest(name, **labels, **_labels(cell))) for cell in (None, *CELLS))
    return {cell: value for cell, value in found if value is not None}


def _by_kind(looks: PerLook) -> dict[str, float]:
    kinds = dict.fromkeys((NONE, *NAMES), 0.0)
    for cell, count in looks.items():
        kinds[NONE if cell is None else cell.corruption] += count
    return kinds


def _share_weights(samples: Samples, model: str, corruption: str) -> dict[str, float]:
    """By look; small ones are not there."""
    found = samples.matching(TRAFFIC_SHARE_WEIGHT.name, model=model, corruption=corruption)
    return {sample.labels["looks"]: sample.value for sample in found}


def _is_told(kinds: Mapping[str, float], weights: Mapping[str, float], held_back: float) -> bool:
    share = estimate(kinds, weights, held_back, _TOLD)
    return share is not None and sum(kinds.values()) >= LEAST_IMAGES and share.low > SHARE_MARGIN


def _severity(looks: PerLook, corruption: str) -> float | None:
    return _mean(looks, {Cell(corruption, severity): float(severity) for severity in SEVERITIES})


def _cost(looks: PerLook, corruption: str, accuracies: PerLook) -> float | None:
    clean = accuracies.get(None)
    if clean is None:
        return None
    return _mean(
        looks, {cell: clean - found for cell, found in accuracies.items() if cell and cell.corruption == corruption}
    )


def _mean(looks: PerLook, values: PerLook) -> float | None:
    """Of the images that look like one of these."""
    total = sum(looks[look] for look in values)
    return sum(looks[look] * value for look, value in values.items()) / total if total else None
