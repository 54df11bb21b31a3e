"""Every generated file: its place below `serving_config/`, and its text."""

from collections.abc import Sequence

from groupnl.monitoring.alerts import alerts
from groupnl.monitoring.dashboards.operators import operators_dashboard, twin_dashboard
from groupnl.monitoring.recording import recordings
from groupnl.monitoring.rules import Alert, Recording, rule_file
from groupnl.monitoring.scrape import ScrapeConfig, prometheus_config, with_torchserve


def generated_files(scrape: ScrapeConfig) -> dict[str, str]:
    """Path below the folder -> text.

    Args:
        scrape: whom Prometheus asks.
    """
    groups: dict[str, Sequence[Recording | Alert]] = {**recordings(), **alerts()}
    rules = {f"prometheus/rules/{name}.yml": rule_file(name, content) for name, content in groups.items()}
    return {
        "prometheus/prometheus.yml": prometheus_config(scrape),
        "prometheus/torchserve.yml": prometheus_config(with_torchserve(scrape)),
        **rules,
        "grafana/dashboards/operators.json": operators_dashboard(),
        "grafana/dashboards/twin.json": twin_dashboard(),
    }
