"""What the samples say of one model: counts by cell, against its reference, with truth, and the service itself."""

from typing import NamedTuple

from groupnl.corruptions.names import CELLS, NAMES, Cell
from groupnl.metrics import (
    BUILD_INFO,
    LABELLED,
    LABELLED_CORRECT,
    PAIRED_OUTCOMES_TOTAL,
    PROBE_CORRECT,
    PROBE_IMAGES,
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
    SHOWN_DETAIL,
    STAGE_SECONDS,
    TOTAL,
)
from groupnl.report.candidate import Candidate, candidates_of
from groupnl.report.estimate import Estimate, estimate_of
from groupnl.report.late_labels import LateLabels, late_labels_of
from groupnl.report.samples import Samples
from groupnl.report.shares import CountedShare, quantiles, share_of
from groupnl.report.traffic import Traffic, traffic_of
from groupnl.report.truth import Truth, probe_set_images, relative_error, truth_of
from groupnl.report.twin import Twin, twin_of
from groupnl.robustness.statistics import Relative


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
        details: how much replicas show that do not show all that they count; see `groupnl.metrics.Detail`.
        traffic: what it is like; None where no archive says what to expect, or several do.
        estimate: accuracy on it, without labels; None where there is none.
        agreement: answers that stayed, in all cells together.
        by_corruption: the same under each corruption.
        by_cell: the same in each cell.
        top5: clean best classes that stayed among the best five.
        in_group: best classes that stayed in the group of the clean one; None where no flip did.
        twin: against its reference; None without one.
        probe: truth of the probe set; None without one.
        relative_error: the probe set's errors relative to the reference's; None without.
        labelled: truth that clients told; None where they told none.
        late: truth that clients told after the answers; None where they told none.
        candidates: archives that answer the same images, so that they can be compared.
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
    details: list[str]
    traffic: Traffic | None
    estimate: Estimate | None
    agreement: CountedShare
    by_corruption: dict[str, CountedShare]
    by_cell: dict[Cell, CountedShare]
    top5: CountedShare
    in_group: CountedShare | None
    twin: Twin | None
    probe: Truth | None
    relative_error: Relative | None
    labelled: Truth | None
    late: LateLabels | None
    candidates: list[Candidate]
    thinned: float
    repeated: dict[str, float]
    sampled: float
    dropped: dict[str, float]
    requests: dict[str, float]
    latency_s: tuple[float, ...] | None
    lag_s: tuple[float, ...] | None

    @property
    def archives(self) -> int:
        """How many archives answered as this model."""
        return _archives(self.builds)

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


def figures_of(samples: Samples, model: str, *, since: str | None = None) -> ModelFigures:
    """Everything about one model.

    Args:
        samples: what was counted.
        model: as it is served.
        since: they are the counts of so long a time, as Prometheus writes it, that slides; None: since a beginning.
    """
    in_window = since is not None
    builds = _builds(samples, model)
    traffic = traffic_of(samples, model, since) if _archives(builds) < 2 else None
    twin = twin_of(samples, model, in_window)
    agreement = _stayed(samples, model)
    in_group = share_of(samples.total(SHADOW_GROUP_KEPT.name, model=model), agreement.total)
    return ModelFigures(
        name=model,
        builds=builds,
        details=list(samples.by("detail", SHOWN_DETAIL.name)),
        traffic=traffic,
        estimate=estimate_of(samples, model, traffic),
        agreement=agreement,
        by_corruption={name: _stayed(samples, model, corruption=name) for name in NAMES},
        by_cell={
            cell: _stayed(samples, model, corruption=cell.corruption, severity=str(cell.severity)) for cell in CELLS
        },
        top5=share_of(samples.total(SHADOW_TOP5_KEPT.name, model=model), agreement.total),
        in_group=in_group if in_group.good > agreement.good else None,
        twin=twin,
        probe=truth_of(samples, model, PROBE_IMAGES, PROBE_CORRECT, probe_set_images(samples, model)),
        relative_error=relative_error(samples, model, twin.reference) if twin else None,
        labelled=truth_of(samples, model, LABELLED, LABELLED_CORRECT, None),
        late=late_labels_of(samples, model),
        candidates=candidates_of(samples, model, in_window),
        thinned=samples.total(SHADOW_THINNED.name, model=model),
        repeated=samples.by("kind", SHADOW_REPEATED.name, model=model),
        sampled=samples.total(SHADOW_SAMPLED.name, model=model),
        dropped=samples.by("reason", SHADOW_DROPPED.name, model=model),
        requests=samples.by("code", REQUESTS.name, model=model),
        latency_s=quantiles(samples, STAGE_SECONDS, model=model, stage=TOTAL),
        lag_s=quantiles(samples, SHADOW_LAG_SECONDS, model=model),
    )


def _builds(samples: Samples, model: str) -> list[Build]:
    found = [sample.labels for sample in samples.matching(BUILD_INFO.name, model=model)]
    labels = ("arch", "engine", "precision", "torch", "version", "archive_sha256")
    return sorted({Build(*(told.get(label, "") for label in labels)) for told in found})


def _archives(builds: list[Build]) -> int:
    return len({build.archive_sha256 for build in builds})


def _stayed(samples: Samples, model: str, **labels: str) -> CountedShare:
    pairs = samples.total(SHADOW_PAIRS.name, model=model, **labels)
    return share_of(pairs - samples.total(SHADOW_FLIPS.name, model=model, **labels), pairs)
