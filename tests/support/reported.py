"""What a service has counted, for the report's tests."""

from prometheus_client.registry import Collector

from groupnl.corruptions.names import CELLS
from groupnl.metrics import (
    CLEAN,
    PAIRED_OUTCOMES_TOTAL,
    PROBE_CORRECT,
    PROBE_IMAGES,
    PROBE_SET_IMAGES,
    SHADOW_FLIPS,
    SHADOW_PAIRS,
    Metrics,
)
from groupnl.report.samples import Sample, Samples


def count_cells(metrics: Metrics, *, pairs: int = 20, flips: int = 5) -> None:
    """In every cell so many live pairs and flips, and of a probe set of 20 images each twice, ten of them right."""
    for corruption, severity in CELLS:
        labels = {"corruption": corruption, "severity": str(severity)}
        metrics.inc(SHADOW_PAIRS, pairs, **labels)
        metrics.inc(SHADOW_FLIPS, flips, **labels)
        metrics.inc(PROBE_IMAGES, 40, **labels)
        metrics.inc(PROBE_CORRECT, 10, **labels)
    metrics.inc(PROBE_IMAGES, 40, **CLEAN)
    metrics.inc(PROBE_CORRECT, 30, **CLEAN)
    metrics.set(PROBE_SET_IMAGES, 20)


def count_outcomes(metrics: Metrics, reference: str) -> None:
    """A hundred pairs under fog, beside the twin."""
    for outcome, count in (("both_hold", 60), ("model_only", 30), ("reference_only", 5), ("both_flip", 5)):
        metrics.inc(PAIRED_OUTCOMES_TOTAL, count, reference=reference, corruption="fog", outcome=outcome)


def samples_of(*registries: Collector) -> Samples:
    """What an endpoint of these registries would tell."""
    families = (family for registry in registries for family in registry.collect())
    return Samples(Sample(s.name, s.labels, s.value) for family in families for s in family.samples)
