"""Prometheus and Python make the same of the same counts: shares, intervals, levels, the band, mixtures, gaps."""

from pathlib import Path

import pytest
from support.figures_of_rules import constants, counters, passes, unit_test
from support.recorded_figures import expected_figures, random_counts, series
from support.recorded_traffic import expected_traffic_figures, random_traffic, traffic_gauges, traffic_series

pytestmark = pytest.mark.slow

SEEDS = range(6)


def test_agreement_twin_and_truth(tmp_path: Path) -> None:
    tests = [
        unit_test(seed, "2h", expected_figures(counts), [*counters(series(counts))])
        for seed, counts in ((seed, random_counts(seed)) for seed in SEEDS)
    ]
    passes(tmp_path, ["groupnl_agreement", "groupnl_twin", "groupnl_truth", "groupnl_long"], tests)


def test_traffic_candidate_and_late_labels(tmp_path: Path) -> None:
    """Some minutes after all was counted, so that it is in every window."""
    tests = [
        unit_test(
            seed,
            "8m",
            expected_traffic_figures(traffic),
            [*counters(traffic_series(traffic)), *constants(traffic_gauges(traffic))],
        )
        for seed, traffic in ((seed, random_traffic(seed)) for seed in SEEDS)
    ]
    groups = ("agreement", "truth", "traffic", "candidate", "long", "estimate")
    passes(tmp_path, [f"groupnl_{name}" for name in groups], tests)
