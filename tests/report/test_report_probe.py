"""groupnl report: what the probe set's errors, set beside the twin's, may claim."""

import pytest
from prometheus_client import CollectorRegistry
from support.reported import samples_of

from groupnl.corruptions.names import CELLS
from groupnl.metrics import (
    CLEAN,
    PAIRED_OUTCOMES_TOTAL,
    PROBE_CORRECT,
    PROBE_IMAGES,
    PROBE_SET_IMAGES,
    REQUESTS,
    Metrics,
)
from groupnl.report.figures import figures_of
from groupnl.report.page import page
from groupnl.report.samples import Samples

IMAGES, ROUNDS = 200, 2


def _samples(images: int) -> Samples:
    """The model `m`, whose reference is `r`: the same errors in each cell, 40 % and 50 %."""
    return samples_of(_registry("m", images, 0.4), _registry("r", images, 0.5))


def _registry(name: str, images: int, wrong: float) -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = Metrics(name, registry)
    metrics.inc(REQUESTS, 1, code="200")
    metrics.set(PROBE_SET_IMAGES, images)
    for corruption, severity in CELLS:
        labels = {"corruption": corruption, "severity": str(severity)}
        metrics.inc(PROBE_IMAGES, IMAGES * ROUNDS, **labels)
        metrics.inc(PROBE_CORRECT, IMAGES * ROUNDS * (1 - wrong), **labels)
    metrics.inc(PROBE_IMAGES, IMAGES * ROUNDS, **CLEAN)
    metrics.inc(PROBE_CORRECT, IMAGES * ROUNDS / 2, **CLEAN)
    if name == "m":
        metrics.inc(PAIRED_OUTCOMES_TOTAL, 10, reference="r", corruption="fog", outcome="model_only")
    return registry


def test_errors_on_the_probe_set_are_no_surer_than_its_images() -> None:
    figures = figures_of(_samples(IMAGES), "m")
    found = figures.relative_error
    assert found is not None
    assert found.value == pytest.approx(0.8)
    # Had all corruptions met the same errors: the deviation of a quotient of two shares, of 200 images each.
    deviation = 0.8 * (0.6 / 80 + 0.5 / 100) ** 0.5
    assert (found.low, found.high) == pytest.approx((0.8 - 1.96 * deviation, 0.8 + 1.96 * deviation), abs=0.005)
    words = page([figures], "s", "p", "t")
    assert f"Wrong answers to the probe set relative to r's: 0.80 ({found.low:.2f} to {found.high:.2f};" in words
    assert "All corruptions meet the same images" in words


def test_a_probe_set_of_unknown_size_claims_nothing() -> None:
    figures = figures_of(_samples(0), "m")
    assert figures.relative_error is None
    assert figures.probe is not None
    assert (figures.probe.clean.value, figures.probe.clean.interval) == (0.5, (0, 1))
    words = page([figures], "s", "p", "t")
    assert "how many images it has was not told" in words
    assert "All corruptions meet the same images" not in words
