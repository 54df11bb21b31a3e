"""groupnl report --since: alike models, and a page a day for a year of the last 24 hours."""

import numpy as np
from prometheus_client import CollectorRegistry
from support.reported import samples_of

from groupnl.metrics import MODEL_ONLY, PAIRED_OUTCOMES_TOTAL, REFERENCE_ONLY, REQUESTS, Metrics
from groupnl.report.figures import Twin, figures_of
from groupnl.robustness.statistics import compare_paired
from groupnl_studies.statistics.windows import HOURS, INFORMATIVE, leads

YEARS = 100


def _twin(model_only: int, reference_only: int) -> Twin:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    metrics.inc(REQUESTS, 1, code="200")
    for outcome, count in ((MODEL_ONLY, model_only), (REFERENCE_ONLY, reference_only)):
        metrics.inc(PAIRED_OUTCOMES_TOTAL, count, reference="r", corruption="fog", outcome=outcome)
    twin = figures_of(samples_of(registry), "m", in_window=True).twin
    assert twin is not None
    return twin


def test_no_window_of_a_year_decides_between_models_that_are_alike() -> None:
    daily = leads(366, YEARS, np.random.default_rng(1))[:, ::HOURS]
    counts = np.stack([(INFORMATIVE * HOURS + daily) // 2, (INFORMATIVE * HOURS - daily) // 2], axis=-1)
    tested = np.array([[compare_paired(*day).verdict != "undecided" for day in year] for year in counts.tolist()])
    assert 0.5 < tested.any(axis=1).mean() < 0.7  # what the page told when windows had a verdict
    false = counts[tested].tolist()
    assert {_twin(*day).overall.verdict for day in false} == {"undecided"}
    assert all(_twin(*day).by_corruption["fog"].verdict == "undecided" for day in false)
