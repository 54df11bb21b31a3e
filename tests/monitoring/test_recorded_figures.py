"""Prometheus and Python make the same of the same counts: shares, intervals, levels, the band, mixtures, gaps."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.expressions import RULE_FILES
from support.prometheus import promtool
from support.recorded_figures import Figures, expected_figures, random_counts, series
from support.recorded_traffic import expected_traffic_figures, random_traffic, traffic_gauges, traffic_series

pytestmark = pytest.mark.slow

SEEDS = range(6)
CLOSE = 3e-4  # z is 1.96 there, and 1.959964 here


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


def counters(given: Iterable[tuple[str, float]]) -> list[dict[str, str]]:
    return [{"series": name, "values": f"0 {value}x40"} for name, value in given]


def constants(given: Iterable[tuple[str, float]]) -> list[dict[str, str]]:
    return [{"series": name, "values": f"{value}x41"} for name, value in given]


def unit_test(seed: int, time: str, figures: Figures, inputs: list[dict[str, str]]) -> dict[str, Any]:
    cases = [
        {"expr": f"count({record}) or vector(0)", "eval_time": time, "exp_samples": [{"value": len(of)}]}
        for record, of in figures.items()
    ] + [
        {
            "expr": f"abs({record}{labels} - {value!r}) <= bool {CLOSE * max(1, value):g}",
            "eval_time": time,
            "exp_samples": [{"labels": labels, "value": 1}],
        }
        for record, of in figures.items()
        for labels, value in of.items()
    ]
    return {"name": f"seed {seed}", "interval": "4m", "input_series": inputs, "promql_expr_test": cases}


def passes(folder: Path, groups: list[str], tests: list[dict[str, Any]]) -> None:
    content = {
        "rule_files": [str(file) for file in RULE_FILES if file.stem in groups],
        "evaluation_interval": "4m",
        "group_eval_order": groups,
        "tests": tests,
    }
    file = folder / "figures.yml"
    file.write_text(yaml.safe_dump(content))
    assert "SUCCESS" in promtool("test", "rules", file)
