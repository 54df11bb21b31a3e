"""The files of Prometheus' rules: each group of recordings and of alerts is one; for its operator, all are one."""

from collections.abc import Sequence
from typing import Any

from groupnl.monitoring.alerts import alerts
from groupnl.monitoring.config import MonitoringConfig
from groupnl.monitoring.recorded.groups import LONG_GROUP, recordings
from groupnl.monitoring.recording import LONG_INTERVAL
from groupnl.monitoring.rules import HEADER, RUNBOOK, Alert, Recording, rule_group, yaml_text


def rule_files(config: MonitoringConfig) -> dict[str, str]:
    """Path below `serving_config/` -> text.

    Args:
        config: how alerts judge.
    """
    return {
        f"prometheus/rules/{name}.yml": HEADER + yaml_text({"groups": [group]})
        for name, group in _groups(config).items()
    }


def operator_rules(config: MonitoringConfig) -> str:
    """The same rules as one resource of Prometheus' operator, YAML.

    Args:
        config: how alerts judge.
    """
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "groupnl"},
        "spec": {"groups": list(_groups(config).values())},
    }
    return HEADER + yaml_text(resource)


def _groups(config: MonitoringConfig) -> dict[str, dict[str, Any]]:
    """Name -> group, as Prometheus reads it."""
    rules: dict[str, Sequence[Recording | Alert]] = {**recordings(config.baseline), **alerts(config.baseline)}
    intervals = {LONG_GROUP: LONG_INTERVAL}
    runbook = config.runbooks or RUNBOOK
    return {name: rule_group(name, content, runbook, intervals.get(name, "")) for name, content in rules.items()}
