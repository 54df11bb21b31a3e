"""groupnl report --since: alike models, and a page a day for a year of the last 24 hours."""

from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from support.reported import samples_of

from groupnl.cli import main
from groupnl.metrics import MODEL_ONLY, PAIRED_OUTCOMES_TOTAL, REFERENCE_ONLY, REQUESTS, Metrics
from groupnl.report import command
from groupnl.report.figures import figures_of
from groupnl.report.samples import Replicas
from groupnl.report.twin import Twin
from groupnl.robustness.statistics import compare_paired
from groupnl_studies.statistics.windows import HOURS, INFORMATIVE, leads

YEARS = 100


def _twin(model_only: int, reference_only: int) -> Twin:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    metrics.inc(REQUESTS, 1, code="200")
    for outcome, count in ((MODEL_ONLY, model_only), (REFERENCE_ONLY, reference_only)):
        metrics.inc(PAIRED_OUTCOMES_TOTAL, count, reference="r", corruption="fog", outcome=outcome)
    twin = figures_of(samples_of(registry), "m", since="24h").twin
    assert twin is not None
    return twin


def test_the_command_takes_a_time_for_a_window(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What Prometheus tells of the last day and since the start is the same here; what the page says of it is not."""
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    metrics.inc(REQUESTS, 1, code="200")
    metrics.inc(PAIRED_OUTCOMES_TOTAL, 200, reference="r", corruption="fog", outcome=MODEL_ONLY)
    monkeypatch.setattr(command, "read_prometheus", lambda *_: samples_of(registry))
    monkeypatch.setattr(command, "read_replicas", lambda _: Replicas(1, 1))
    words = ["report", "--prometheus", "http://127.0.0.1:9", "--output", str(tmp_path / "page.html")]
    assert main(words) == 0
    assert "<b>m holds better than r</b>" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert main([*words, "--since", "24h"]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "holds better than" not in page
    assert "A window decides nothing" in page


def test_no_window_of_a_year_decides_between_models_that_are_alike() -> None:
    daily = leads(366, YEARS, np.random.default_rng(1))[:, ::HOURS]
    counts = np.stack([(INFORMATIVE * HOURS + daily) // 2, (INFORMATIVE * HOURS - daily) // 2], axis=-1)
    tested = np.array([[compare_paired(*day).verdict != "undecided" for day in year] for year in counts.tolist()])
    assert 0.5 < tested.any(axis=1).mean() < 0.7  # what the page told when windows had a verdict
    false = counts[tested].tolist()
    assert {_twin(*day).overall.verdict for day in false} == {"undecided"}
    assert all(_twin(*day).by_corruption["fog"].verdict == "undecided" for day in false)
