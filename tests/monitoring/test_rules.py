"""Prometheus' rules: promtool accepts them, and its unit tests, which cover every one, pass."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.expressions import RULE_FILES, SERVING_CONFIG, rules
from support.needed_rules import with_needed_rules
from support.prometheus import promtool
from support.recorded_figures import expected_figures, random_counts
from support.recorded_traffic import expected_traffic_figures, random_traffic

from groupnl.monitoring.config import MonitoringConfig
from groupnl.monitoring.rule_files import rule_files
from groupnl.robustness.power import NEEDED
from groupnl.traffic.drift import (
    ANSWER_MARGIN,
    BROKEN_ANSWER_MARGIN,
    CLASS_MARGIN,
    LEAST_IMAGES,
    SHARE_MARGIN,
    STATISTIC_MARGIN,
)

pytestmark = pytest.mark.slow

TESTS = sorted((SERVING_CONFIG / "prometheus" / "tests").glob("*.yml"))
RUNBOOK = Path(__file__).parents[2] / "docs" / "monitoring.md"
ALERTS = [rule for rule in rules() if "alert" in rule]


def cases(kind: str) -> list[dict[str, Any]]:
    files = [yaml.safe_load(file.read_text()) for file in TESTS]
    return [case for file in files for test in file["tests"] for case in test.get(kind, [])]


def test_prometheus_accepts_the_configuration() -> None:
    output = promtool("check", "config", SERVING_CONFIG / "prometheus" / "prometheus.yml")
    assert f"{len(RULE_FILES)} rule files found" in output


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_unit_tests_pass(file: Path, tmp_path: Path) -> None:
    needed = with_needed_rules(yaml.safe_load(file.read_text()), file.parent, tmp_path)
    assert "SUCCESS" in promtool("test", "rules", needed)


def test_unit_tests_can_fail(tmp_path: Path) -> None:
    """Promtool's exit status is what the tests above rest on."""
    shutil.copytree(SERVING_CONFIG / "prometheus", tmp_path / "prometheus")
    file = tmp_path / "prometheus" / "rules" / "groupnl_twin.yml"
    file.write_text(file.read_text().replace("+ 126) / 126", "+ 126) / 1260"))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", tmp_path / "prometheus" / "tests" / "twin.yml")


def test_every_recording_has_a_case_with_a_value() -> None:
    """Here, or in test_recorded_figures.py."""
    tested = " ".join(case["expr"] for case in cases("promql_expr_test") if case["exp_samples"])
    names = set(re.findall(r"[a-z0-9_]+:[a-z0-9_]+:[a-z0-9]+", tested))
    names |= {*expected_figures(random_counts(0)), *expected_traffic_figures(random_traffic(0))}
    assert {rule["record"] for rule in rules() if "record" in rule} <= names


@pytest.mark.parametrize("alert", [alert["alert"] for alert in ALERTS])
def test_every_alert_has_both_sides(alert: str) -> None:
    fires = [bool(case["exp_alerts"]) for case in cases("alert_rule_test") if case["alertname"] == alert]
    assert True in fires
    assert False in fires


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_runbook(alert: dict[str, Any]) -> None:
    file, anchor = alert["annotations"]["runbook_url"].split("#")
    assert file == "docs/monitoring.md"
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert anchor in {heading.lower() for heading in headings}


def test_runbooks_are_linked_where_they_are_published() -> None:
    page = "https://wiki.internal/groupnl/monitoring"
    files = rule_files(MonitoringConfig(runbooks=page)).values()
    links = re.findall(r"runbook_url: (.+)", "".join(files))
    assert sorted(links) == sorted(f"{page}#{alert['alert'].lower()}" for alert in ALERTS)


def test_the_table_of_power_is_what_the_twin_test_needs() -> None:
    page = RUNBOOK.read_text(encoding="utf-8")
    for need in NEEDED:
        figures = (need.informative, need.pairs, need.requests(0.1), need.informative_surely, need.pairs_surely)
        assert f"| {100 * need.difference:g} | {' | '.join(f'{figure:,}' for figure in figures)} |" in page


def test_the_runbook_says_where_tickets_on_the_traffic_begin() -> None:
    page = RUNBOOK.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### )", page, flags=re.MULTILINE | re.DOTALL))
    unlike = [f"{100 * margin:g}" for margin in (ANSWER_MARGIN, STATISTIC_MARGIN, CLASS_MARGIN)]
    assert re.findall(r"by more than\s(\d+)", sections["GroupNLTrafficUnlike"]) == unlike
    assert re.findall(r"by more than\s(\d+)", sections["GroupNLTrafficBroken"]) == [f"{100 * BROKEN_ANSWER_MARGIN:g}"]
    assert f"Surely more than {100 * SHARE_MARGIN:g} %" in sections["GroupNLTrafficLooksCorrupted"]
    assert f"{LEAST_IMAGES} images or more" in sections["GroupNLTrafficLooksCorrupted"]


def test_neither_traffic_nor_robustness_wakes_anybody() -> None:
    assert {alert["labels"]["severity"] for alert in ALERTS} == {"page", "ticket"}
    about = [alert for alert in ALERTS if re.search("Shadow|Agreement|Twin|Traffic|Accuracy", alert["alert"])]
    assert len(about) == 10
    assert {alert["labels"]["severity"] for alert in about} == {"ticket"}


def test_alertmanager() -> None:
    file = SERVING_CONFIG / "prometheus" / "alertmanager.yml"
    content = yaml.safe_load(file.read_text())
    receivers = {receiver["name"] for receiver in content["receivers"]}
    assert {content["route"]["receiver"], *[route["receiver"] for route in content["route"]["routes"]]} == receivers
    named = set(re.findall(r'alertname="(\w+)"', file.read_text()))
    assert named <= {alert["alert"] for alert in ALERTS}
    (down,) = [rule for rule in content["inhibit_rules"] if 'alertname="GroupNLTargetDown"' in rule["source_matchers"]]
    assert down["equal"] == ["instance"]  # what clients feel of the other replicas is told
    if amtool := shutil.which("amtool"):
        subprocess.run([amtool, "check-config", file], check=True, capture_output=True)
