"""Marks over time are there when something has happened, and at no other time."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.expressions import DASHBOARDS
from support.grafana import filled
from support.prometheus import promtool

pytestmark = pytest.mark.slow

MARKS = {mark["name"]: mark["expr"] for mark in json.loads(DASHBOARDS[0].read_text())["annotations"]["list"]}
VALUES = {"model": ["m", "n"], "instance": ["a:1"], "__rate_interval": ["1m"]}
OF_M = 'model="m", instance="a:1"'
BUILD = 'groupnl_build_info{model="m", version="1", archive_sha256="%s"}'
# Scraped every 15 s for half an hour; it happens after a quarter.
STEP, HALF = 15, 60
BEFORE, AT, AFTER = "14m30s", "15m15s", "17m"
STEADY = {
    BUILD % "old": f"1x{2 * HALF}",
    f"groupnl_worker_starts_total{{{OF_M}}}": f"2x{2 * HALF}",
    f'groupnl_reloads_total{{{OF_M}, outcome="done"}}': f"0x{2 * HALF}",
}


@pytest.mark.parametrize(
    ("mark", "series"),
    [
        ("Workers", {f"groupnl_worker_starts_total{{{OF_M}}}": f"2x{HALF - 1} 3x{HALF}"}),
        ("Reloads", {f'groupnl_reloads_total{{{OF_M}, outcome="done"}}': f"0x{HALF - 1} 1x{HALF}"}),
        ("Archives", {BUILD % "old": f"1x{HALF - 1} stale", BUILD % "new": f"_x{HALF} 1x{HALF}"}),
        ("Alerts", {'ALERTS{alertname="GroupNLNoWorker", alertstate="firing", model="m"}': f"_x{HALF} 1x3 stale"}),
        ("Alerts", {'ALERTS{alertname="GroupNLTargetDown", alertstate="firing"}': f"_x{HALF} 1x3 stale"}),
    ],
)
def test_it_is_marked_when_it_happens(tmp_path: Path, mark: str, series: dict[str, str]) -> None:
    expr = f"count({filled(MARKS[mark], VALUES)})"
    cases = [_case(expr, time, there=there) for time, there in ((BEFORE, False), (AT, True), (AFTER, False))]
    _passes(tmp_path, STEADY | series, cases)


def test_nothing_is_marked_while_nothing_happens(tmp_path: Path) -> None:
    marks = [mark for mark in MARKS if mark != "Starts"]
    cases = [_case(f"count({filled(MARKS[mark], VALUES)})", AT, there=False) for mark in marks]
    _passes(tmp_path, STEADY, cases)


def test_a_start_is_marked_at_its_time(tmp_path: Path) -> None:
    series = {'groupnl_start_time_seconds{instance="a:1"}': f"600x{HALF}"}
    samples = [{"labels": '{instance="a:1"}', "value": 600_000}]
    case = {"expr": filled(MARKS["Starts"], VALUES), "eval_time": AFTER, "exp_samples": samples}
    _passes(tmp_path, series, [case])


def _case(expr: str, time: str, *, there: bool) -> dict[str, Any]:
    return {"expr": expr, "eval_time": time, "exp_samples": [{"labels": "{}", "value": 1}] if there else []}


def _passes(folder: Path, series: dict[str, str], cases: list[dict[str, Any]]) -> None:
    given = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": f"{STEP}s", "input_series": given, "promql_expr_test": cases}
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump({"tests": [test]}))
    assert "SUCCESS" in promtool("test", "rules", file)
