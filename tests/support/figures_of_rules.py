"""Unit tests of promtool: figures that recording rules must make of given series."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from support.expressions import RULE_FILES
from support.prometheus import promtool
from support.recorded_figures import Figures

CLOSE = 3e-4  # z is 1.96 there, and 1.959964 here


def counters(given: Iterable[tuple[str, float]]) -> list[dict[str, str]]:
    """Series that have counted so much at once."""
    return [{"series": name, "values": f"0 {value}x40"} for name, value in given]


def constants(given: Iterable[tuple[str, float]]) -> list[dict[str, str]]:
    """Series that do not change."""
    return [{"series": name, "values": f"{value}x41"} for name, value in given]


def unit_test(seed: int, time: str, figures: Figures, inputs: list[dict[str, str]]) -> dict[str, Any]:
    """That the rules make these figures, and no others of their names, of such series."""
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
    """Let promtool compute these groups of rules, and compare."""
    content = {
        "rule_files": [str(file) for file in RULE_FILES if file.stem in groups],
        "evaluation_interval": "4m",
        "group_eval_order": groups,
        "tests": tests,
    }
    file = folder / "figures.yml"
    file.write_text(yaml.safe_dump(content))
    assert "SUCCESS" in promtool("test", "rules", file)
