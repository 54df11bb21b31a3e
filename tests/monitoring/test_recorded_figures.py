"""Prometheus and Python make the same of the same counts: shares, intervals, levels, the band, relative flips."""

from pathlib import Path

import pytest
import yaml
from support.expressions import RULE_FILES
from support.prometheus import promtool
from support.recorded_figures import expected_figures, random_counts, series

GROUPS = ["groupnl_agreement", "groupnl_twin", "groupnl_truth", "groupnl_long"]
SEEDS = range(6)
CLOSE = 3e-4  # z is 1.96 there, and 1.959964 here


@pytest.mark.slow
def test_prometheus_and_python_agree(tmp_path: Path) -> None:
    tests = []
    for seed in SEEDS:
        counts = random_counts(seed)
        cases = [
            {"expr": f"count({record}) or vector(0)", "eval_time": "2h", "exp_samples": [{"value": len(of)}]}
            for record, of in expected_figures(counts).items()
        ] + [
            {
                "expr": f"abs({record}{labels} - {value!r}) <= bool {CLOSE * max(1, value):g}",
                "eval_time": "2h",
                "exp_samples": [{"labels": labels, "value": 1}],
            }
            for record, of in expected_figures(counts).items()
            for labels, value in of.items()
        ]
        inputs = [{"series": name, "values": f"0 {value}x40"} for name, value in series(counts)]
        tests.append({"name": f"seed {seed}", "interval": "4m", "input_series": inputs, "promql_expr_test": cases})
    content = {
        "rule_files": [str(file) for file in RULE_FILES if file.stem in GROUPS],
        "evaluation_interval": "4m",
        "group_eval_order": GROUPS,
        "tests": tests,
    }
    file = tmp_path / "figures.yml"
    file.write_text(yaml.safe_dump(content))
    assert "SUCCESS" in promtool("test", "rules", file)
