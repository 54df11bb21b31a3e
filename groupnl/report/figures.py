"""What the samples say of one model: counts by cell, against its reference, with truth, and the service itself."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from groupnl.corruptions.names import CELLS, NAMES, Cell
from groupnl.metrics import (
    BOTH_FLIP,
    BUILD_INFO,
    CLEAN,
    LABELLED,
    LABELLED_CORRECT,
    MODEL_ONLY,
    PAIRED_OUTCOMES_TOTAL,
    PROBE_CORRECT,
    PROBE_IMAGES,
    PROBE_SET_IMAGES,
    REFERENCE_ONLY,
    REQUESTS,
    SHADOW_DROPPED,
    SHADOW_FLIPS,
    SHADOW_GROUP_KEPT,
    SHADOW_LAG_SECONDS,
    SHADOW_PAIRS,
    SHADOW_REPEATED,
    SHADOW_SAMPLED,
    SHADOW_THINNED,
    SHADOW_TOP5_KEPT,
    STAGE_SECONDS,
    TOTAL,
    Family,
)
from groupnl.report.samples import Samples
from groupnl.robustness.statistics import (
    Comparison,
    Interval,
    Rate,
    Relative,
    Verdict,
    accuracy_band,
    compare_paired,
    distinct,
    paired_difference,
    relative_error_of_same_images,
    relative_flips,
    wilson_interval,
)


class CountedShare(NamedTuple):
    """A share that was counted.

    Attributes:
        good: of them.
        total: counted.
        interval: of the share, at 95 %.
    """

    good: float
    total: float
    interval: Interval

    @property
    def value(self) -> float:
        """The share, 0 to 1; NaN where nothing was counted."""
        return self.good / self.total if self.total else math.nan


def share_of(good: float, total: float, distinct_total: float | None = None) -> CountedShare:
    """A share with its interval.

    Args:
        good: of them.
        total: counted.
        distinct_total: how many of them count for the interval; None: all.
    """
    counted = total if distinct_total is None else distinct_total
    return CountedShare(good, total, wilson_interval(good / total * counted if total else 0, counted))


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


class Build(NamedTuple):
    """What answered for a model.

    Attributes:
        architecture: of the network.
        engine: that ran it.
        precision: that it computed in.
        torch: the version of PyTorch that the service runs with; empty where it is not known.
        version: of the archive.
        archive_sha256: of the archive; empty where it is not known.
    """

    architecture: str
    engine: str
    precision: str
    torch: str
    version: str
    archive_sha256: str


class ModelFigures(NamedTuple):
    """Everything about one model.

    Attributes:
        name: as it is served.
        builds: what answered; several where it changed, or differs between replicas.
        agreement: answers that stayed, in all cells together.
        by_corruption: the same under each corruption.
        by_cell: the same in each cell.
        top5: clean best classes that stayed among the best five.
        in_group: best classes that stayed in the group of the clean one; None where no flip did.
        twin: against its reference; None without one.
        probe: truth of the probe set; None without one.
        relative_error: the probe set's errors relative to the reference's; None without.
        labelled: truth that clients told; None where they told none.
        thinned: images among the share that were not chosen, because there was no time for all.
        repeated: images that were passed over because they had been seen lately, by kind.
        sampled: images that were chosen.
        dropped: of those, by reason.
        requests: answered, by status.
        latency_s: seconds of a batch at quantiles 0.5, 0.95 and 0.99; None without requests.
        lag_s: seconds from a live answer to its shadow's, at the same quantiles.
    """

    name: str
    builds: list[Build]
    agreement: CountedShare
    by_corruption: dict[str, CountedShare]
    by_cell: dict[Cell, CountedShare]
    top5: CountedShare
    in_group: CountedShare | None
    twin: Twin | None
    probe: Truth | None
    relative_error: Relative | None
    labelled: Truth | None
    thinned: float
    repeated: dict[str, float]
    sampled: float
    dropped: dict[str, float]
    requests: dict[str, float]
    latency_s: tuple[float, ...] | None
    lag_s: tuple[float, ...] | None

    @property
    def dropped_share(self) -> float:
        """Of the chosen images that wait no more, those that were dropped; 0 where there are none."""
        dropped = sum(self.dropped.values())
        return dropped / (dropped + self.agreement.total) if dropped else 0.0


def model_names(samples: Samples) -> list[str]:
    """The models that the samples are about, sorted, but each before its reference."""
    served = samples.by("model", REQUESTS.name)
    leads: dict[str, str] = {}  # reference -> the last model that is compared with it
    for model in sorted(served):
        leads.update(dict.fromkeys(samples.by("reference", PAIRED_OUTCOMES_TOTAL.name, model=model), model))
    return sorted(served, key=lambda name: (leads.get(name, name), name in leads, name))


def figures_of(samples: Samples, model: str, *, in_window: bool = False) -> ModelFigures:
    """Everything about one model.

    Args:
        samples: what was counted.
        model: as it is served.
        in_window: they are the counts of a time that slides, not those since a beginning.
    """
    twin = _twin(samples, model, in_window)
    agreement = _stayed(samples, model)
    in_group = share_of(samples.total(SHADOW_GROUP_KEPT.name, model=model), agreement.total)
    return ModelFigures(
        name=model,
        builds=_builds(samples, model),
        agreement=agreement,
        by_corruption={name: _stayed(samples, model, corruption=name) for name in NAMES},
        by_cell={
            cell: _stayed(samples, model, corruption=cell.corruption, severity=str(cell.severity)) for cell in CELLS
        },
        top5=share_of(samples.total(SHADOW_TOP5_KEPT.name, model=model), agreement.total),
        in_group=in_group if in_group.good > agreement.good else None,
        twin=twin,
        probe=_truth(samples, model, PROBE_IMAGES, PROBE_CORRECT, _probe_set_images(samples, model)),
        relative_error=_relative_error(samples, model, twin.reference) if twin else None,
        labelled=_truth(samples, model, LABELLED, LABELLED_CORRECT, None),
        thinned=samples.total(SHADOW_THINNED.name, model=model),
        repeated=samples.by("kind", SHADOW_REPEATED.name, model=model),
        sampled=samples.total(SHADOW_SAMPLED.name, model=model),
        dropped=samples.by("reason", SHADOW_DROPPED.name, model=model),
        requests=samples.by("code", REQUESTS.name, model=model),
        latency_s=_quantiles(samples, STAGE_SECONDS, model=model, stage=TOTAL),
        lag_s=_quantiles(samples, SHADOW_LAG_SECONDS, model=model),
    )


def _builds(samples: Samples, model: str) -> list[Build]:
    found = [sample.labels for sample in samples.matching(BUILD_INFO.name, model=model)]
    labels = ("arch", "engine", "precision", "torch", "version", "archive_sha256")
    return sorted({Build(*(told.get(label, "") for label in labels)) for told in found})


def _stayed(samples: Samples, model: str, **labels: str) -> CountedShare:
    pairs = samples.total(SHADOW_PAIRS.name, model=model, **labels)
    return share_of(pairs - samples.total(SHADOW_FLIPS.name, model=model, **labels), pairs)


def _twin(samples: Samples, model: str, in_window: bool) -> Twin | None:
    references = samples.by("reference", PAIRED_OUTCOMES_TOTAL.name, model=model)
    if not references:
        return None
    reference = max(references, key=lambda name: references[name])
    outcomes = {
        name: samples.by("outcome", PAIRED_OUTCOMES_TOTAL.name, model=model, reference=reference, corruption=name)
        for name in NAMES
    }
    by_corruption = {name: _side([found], in_window) for name, found in outcomes.items()}
    flips = (_count(outcomes.values(), outcome) for outcome in (MODEL_ONLY, REFERENCE_ONLY, BOTH_FLIP))
    return Twin(reference, by_corruption, _side(outcomes.values(), in_window), relative_flips(*flips))


def _side(outcomes: Collection[Mapping[str, float]], in_window: bool) -> Side:
    test = compare_paired(_count(outcomes, MODEL_ONLY), _count(outcomes, REFERENCE_ONLY))
    return Side(sum(sum(counts.values()) for counts in outcomes), test, in_window)


def _count(outcomes: Collection[Mapping[str, float]], outcome: str) -> float:
    return sum(counts.get(outcome, 0) for counts in outcomes)


def _truth(samples: Samples, model: str, answered: Family, right: Family, images: float | None) -> Truth | None:
    clean = _right(samples, model, answered, right, images, CLEAN["corruption"])
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


def _relative_error(samples: Samples, model: str, reference: str) -> Relative | None:
    ours, theirs = (_error_rates(samples, name) for name in (model, reference))
    both = [cell for cell in CELLS if cell in ours and cell in theirs]
    return relative_error_of_same_images(
        [(ours[cell], theirs[cell]) for cell in both if cell.corruption == name] for name in NAMES
    )


def _error_rates(samples: Samples, model: str) -> dict[Cell, Rate]:
    """Of the probe set, in each cell that was answered; empty where the number of its images is not known."""
    images = _probe_set_images(samples, model)
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


def _probe_set_images(samples: Samples, model: str) -> float:
    """0 where nobody tells: it is a gauge, and goes with the last worker, while the counts stay."""
    return samples.largest(PROBE_SET_IMAGES.name, model=model) or 0.0


def _quantiles(samples: Samples, family: Family, **labels: str) -> tuple[float, ...] | None:
    buckets = samples.by("le", f"{family.name}_bucket", **labels)
    counts = sorted((float(bound), count) for bound, count in buckets.items())
    if not counts or not counts[-1][1]:
        return None
    return tuple(_quantile(counts, share) for share in (0.5, 0.95, 0.99))


def _quantile(buckets: Sequence[tuple[float, float]], share: float) -> float:
    """Interpolated within its bucket, as Prometheus does; the last finite bound where it lies beyond."""
    wanted = share * buckets[-1][1]
    below, before = 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            if math.isinf(bound):
                return below
            return below + (bound - below) * (wanted - before) / max(count - before, 1e-12)
        below, before = bound, count
    return below
