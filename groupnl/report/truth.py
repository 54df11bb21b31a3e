"""Accuracy where the classes are known: of the probe set, and of what clients told."""

from typing import NamedTuple

from groupnl.corruptions.names import CELLS, NAMES, Cell
from groupnl.metrics import NONE, PROBE_CORRECT, PROBE_IMAGES, PROBE_SET_IMAGES, Family
from groupnl.report.samples import Samples
from groupnl.report.shares import CountedShare, share_of
from groupnl.robustness.statistics import (
    Interval,
    Rate,
    Relative,
    accuracy_band,
    distinct,
    relative_error_of_same_images,
)


class Truth(NamedTuple):
    """Accuracy where the classes are known.

    Attributes:
        clean: without corruption.
        corrupted: under each corruption, all severities together.
        images: distinct images behind it; None where each answer is another's, 0 where the number is not known.
    """

    clean: CountedShare
    corrupted: dict[str, CountedShare]
    images: float | None


def band_of(truth: Truth, pairs: CountedShare) -> Interval | None:
    """Where accuracy must lie under corruption, as far as live images resemble these; None without pairs."""
    return accuracy_band(truth.clean.interval, pairs.total - pairs.good, pairs.total) if pairs.total else None


def truth_of(samples: Samples, model: str, answered: Family, right: Family, images: float | None) -> Truth | None:
    """Accuracy by two counters; None where nothing was answered without corruption.

    Args:
        samples: what was counted.
        model: as it is served.
        answered: answers to images of known class.
        right: those of them that were right.
        images: distinct ones behind them; None where each answer is another's.
    """
    clean = _right(samples, model, answered, right, images, NONE)
    if not clean.total:
        return None
    # An image that is hard at one severity is hard at the others: five answers to it are no five images.
    return Truth(clean, {name: _right(samples, model, answered, right, images, name) for name in NAMES}, images)


def _right(
    samples: Samples, model: str, answered: Family, right: Family, images: float | None, corruption: str
) -> CountedShare:
    total = samples.total(answered.name, model=model, corruption=corruption)
    good = samples.total(right.name, model=model, corruption=corruption)
    return share_of(good, total, None if images is None else distinct(total, images))


def relative_error(samples: Samples, model: str, reference: str) -> Relative | None:
    """The probe set's errors relative to the reference's; None where either's are not known."""
    ours, theirs = (_error_rates(samples, name) for name in (model, reference))
    both = [cell for cell in CELLS if cell in ours and cell in theirs]
    return relative_error_of_same_images(
        [(ours[cell], theirs[cell]) for cell in both if cell.corruption == name] for name in NAMES
    )


def _error_rates(samples: Samples, model: str) -> dict[Cell, Rate]:
    """Of the probe set, in each cell that was answered; empty where the number of its images is not known."""
    images = probe_set_images(samples, model)
    if not images:
        return {}
    rates = {}
    for cell in CELLS:
        labels = {"model": model, "corruption": cell.corruption, "severity": str(cell.severity)}
        answers = samples.total(PROBE_IMAGES.name, **labels)
        if answers:
            right = samples.total(PROBE_CORRECT.name, **labels)
            rates[cell] = Rate(1 - right / answers, distinct(answers, images))
    return rates


def probe_set_images(samples: Samples, model: str) -> float:
    """Images in it; 0 where nobody tells: it is a gauge, and goes with the last worker, while the counts stay."""
    return samples.largest(PROBE_SET_IMAGES.name, model=model) or 0.0
