"""Every PromQL expression of rules, panels and variables, read from the committed files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

SERVING_CONFIG = Path(__file__).parents[2] / "serving_config"
RULE_FILES = sorted((SERVING_CONFIG / "prometheus" / "rules").glob("*.yml"))
DASHBOARDS = sorted((SERVING_CONFIG / "grafana" / "dashboards").glob("*.json"))


class Expression(NamedTuple):
    """One query, and where it stands."""

    place: str
    text: str


def rules() -> list[dict[str, Any]]:
    """All rules, in the order of their files."""
    groups = [group for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def rule_expressions() -> list[Expression]:
    return [Expression(rule.get("record") or rule["alert"], rule["expr"]) for rule in rules()]


def panel_expressions(**values: str) -> list[Expression]:
    """Queries of all panels, with values in place of Grafana's variables."""
    return [
        Expression(f"{file.stem}: {panel['title']} {target['refId']}", filled(target["expr"], values))
        for file in DASHBOARDS
        for panel in panels(json.loads(file.read_text()))
        for target in panel.get("targets", [])
    ]


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All of them; those of a closed row lie inside it."""
    for panel in dashboard["panels"]:
        yield from panel["panels"] if panel["type"] == "row" else (panel,)


def mark_expressions(**values: str) -> list[Expression]:
    """Queries of the marks over time."""
    return [
        Expression(f"{file.stem}: {mark['name']}", filled(mark["expr"], values))
        for file in DASHBOARDS
        for mark in json.loads(file.read_text())["annotations"]["list"]
    ]


def filled(text: str, values: dict[str, str]) -> str:
    for name, value in {"__rate_interval": "1m", **values}.items():
        text = text.replace(f"${name}", value)
    assert "$" not in text.replace('"$1"', ""), text
    return text
