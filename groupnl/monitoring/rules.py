"""What a Prometheus rule is, and how a file of them is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import yaml

HEADER = "# Written by `groupnl monitoring`; change groupnl/monitoring/ instead.\n"
# Where the runbook is read, without the heading; as it stands, the page in the repository.
RUNBOOK = "docs/monitoring.md"


@dataclass(frozen=True)
class Recording:
    """A figure that Prometheus computes at each evaluation and stores.

    Attributes:
        record: its name, ``labels:figure:window``: the labels that are left, what it is, and over which time.
        expr: PromQL.
    """

    record: str
    expr: str


@dataclass(frozen=True)
class Alert:
    """A condition that somebody is told about.

    Attributes:
        name: of the alert; the runbook's section has the same name.
        expr: PromQL; each series of its answer is one alert.
        hold: how long it must stay so.
        severity: "page" for what clients feel now, "ticket" for what can wait until the morning.
        summary: one line; may hold Prometheus' templates.
        description: what it means and where to look first.
        keep: how long it goes on after the condition has ended, so that it does not come and go; "": not at all.
    """

    name: str
    expr: str
    hold: str
    severity: Literal["page", "ticket"]
    summary: str
    description: str
    keep: str = ""


def runbook_url(alert: str, page: str = RUNBOOK) -> str:
    """Where it is said what to do.

    Args:
        alert: its name.
        page: address of the page that has a heading for each alert.
    """
    return f"{page}#{alert.lower()}"


def rule_group(
    name: str, rules: Sequence[Recording | Alert], runbook: str = RUNBOOK, interval: str = ""
) -> dict[str, Any]:
    """One group, as Prometheus reads it; its rules are computed in order, so that later ones can use earlier ones.

    Args:
        name: its name.
        rules: what it holds.
        runbook: address of the page that has a heading for each alert.
        interval: between two computations; "": as Prometheus is configured.
    """
    head = {"name": name, **({"interval": interval} if interval else {})}
    return {**head, "rules": [_mapping(rule, runbook) for rule in rules]}


def yaml_text(content: Mapping[str, Any]) -> str:
    """A mapping as YAML, in its own order; texts of several lines stay readable."""
    return yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)


def _mapping(rule: Recording | Alert, runbook: str) -> dict[str, Any]:
    if isinstance(rule, Recording):
        return {"record": rule.record, "expr": rule.expr}
    return {
        "alert": rule.name,
        "expr": rule.expr,
        "for": rule.hold,
        **({"keep_firing_for": rule.keep} if rule.keep else {}),
        "labels": {"severity": rule.severity},
        "annotations": {
            "summary": rule.summary,
            "description": rule.description,
            "runbook_url": runbook_url(rule.name, runbook),
        },
    }


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
