"""Every generated file: its place below `serving_config/`, and its text."""

from groupnl.monitoring.config import MonitoringConfig
from groupnl.monitoring.dashboards.operators import operators_dashboard, twin_dashboard
from groupnl.monitoring.rule_files import operator_rules, rule_files
from groupnl.monitoring.rules import RUNBOOK
from groupnl.monitoring.scrape import prometheus_config, with_torchserve


def generated_files(config: MonitoringConfig) -> dict[str, str]:
    """Path below the folder -> text.

    Args:
        config: whom Prometheus asks, and how alerts judge.
    """
    return {
        "prometheus/prometheus.yml": prometheus_config(config),
        "prometheus/torchserve.yml": prometheus_config(with_torchserve(config)),
        **rule_files(config),
        "kubernetes/monitoring/prometheus-rule.yaml": operator_rules(config),
        "grafana/dashboards/operators.json": operators_dashboard(config.runbooks or RUNBOOK),
        "grafana/dashboards/twin.json": twin_dashboard(),
    }
