"""Queries name only metrics and labels that exist, and join only what can match."""

import json

import pytest
from support.expressions import (
    DASHBOARDS,
    Expression,
    filled,
    mark_expressions,
    panel_expressions,
    rule_expressions,
    rules,
)
from support.promql_labels import Labels, UnknownError, labels_of

from groupnl.metrics import ADDED_UP, FAMILIES, MEANS, SERVER_FAMILIES, Family
from groupnl.monitoring.dashboards.gpus import EXPORTER_FAMILIES
from groupnl.monitoring.promql import OF_CELLS
from groupnl.monitoring.recorded.groups import recordings
from groupnl.server.torchserve.frontend_metrics import FRONTEND_FAMILIES

SCRAPED = {"instance", "job"}


def series_of(family: Family, labels: Labels) -> dict[str, Labels]:
    if family.kind != "histogram":
        return {family.name: labels}
    return {f"{family.name}_bucket": labels | {"le"}, f"{family.name}_sum": labels, f"{family.name}_count": labels}


def known_metrics() -> dict[str, Labels]:
    """What is scraped, then what the rules add to it; each rule may use those before it."""
    known = {"up": frozenset(SCRAPED), "ALERTS": frozenset({"alertname", "alertstate", "severity", "model"})}
    for family in (*FAMILIES, *SERVER_FAMILIES):
        known |= series_of(family, frozenset({*family.all_labels, *SCRAPED}))
    for family in (*FRONTEND_FAMILIES, *EXPORTER_FAMILIES):
        known |= series_of(family, frozenset({*family.labels, *SCRAPED}))
    for rule in (rule for group in recordings().values() for rule in group):
        # A rule may go on from its own last value, which has the labels of its name.
        itself = {rule.record: frozenset(rule.record.split(":")[0].split("_"))} if rule.record in rule.expr else {}
        known[rule.record] = labels_of(rule.expr, known | itself)
    return known


KNOWN = known_metrics()
VALUES = {"model": "m", "instance": "i", "watched": "w", "window": "1h"}
PANELS = [*panel_expressions(**VALUES), *mark_expressions(**VALUES)]


@pytest.mark.parametrize("expression", [*rule_expressions(), *PANELS], ids=lambda expression: expression.place)
def test_every_name_exists(expression: Expression) -> None:
    labels_of(expression.text, KNOWN)


@pytest.mark.parametrize("expression", [*rule_expressions(), *PANELS], ids=lambda expression: expression.place)
def test_who_asks_for_severities_takes_the_replicas_that_show_them(expression: Expression) -> None:
    """Else the sums of replicas in less detail would be a cell of their own; and they show no buckets of means."""
    added_up = {family.name: KNOWN[family.name] - {"severity"} for family in ADDED_UP}
    buckets = {f"{family.name}_bucket" for family in MEANS}
    shown_by_all = {name: labels for name, labels in (KNOWN | added_up).items() if name not in buckets}
    try:
        labels_of(expression.text, shown_by_all)
    except UnknownError:
        assert OF_CELLS in expression.text


@pytest.mark.parametrize("rule", [rule for rule in rules() if "record" in rule], ids=lambda rule: rule["record"])
def test_a_recorded_name_begins_with_its_labels(rule: dict[str, str]) -> None:
    labels = KNOWN[rule["record"]] or {"service"}
    assert set(rule["record"].split(":")[0].split("_")) == labels


def test_variables_ask_for_what_exists() -> None:
    for file in DASHBOARDS:
        variables = json.loads(file.read_text())["templating"]["list"]
        queries = [variable["query"]["query"] for variable in variables if variable["type"] == "query"]
        assert len(queries) == 3
        for query in queries:
            inside = filled(query.partition("(")[2].removesuffix(")"), VALUES | {"__range": "6h"})
            asked, label = inside.rsplit(", ", 1) if query.startswith("label_values") else (inside, "model")
            assert label in labels_of(asked, KNOWN)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("groupnl_nothing_total", "no metric"),
        ('groupnl_requests_total{stage="infer"}', "no label"),
        ("sum by (severity) (groupnl_requests_total)", "no label"),
        ("sum by (model) (groupnl_requests_total) / sum by (code) (groupnl_requests_total)", "joins"),
        ("groupnl_batch_size", "no metric"),
    ],
)
def test_what_does_not_exist_is_found(text: str, complaint: str) -> None:
    with pytest.raises(UnknownError, match=complaint):
        labels_of(text, KNOWN)
