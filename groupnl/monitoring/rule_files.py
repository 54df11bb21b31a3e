"""The files of Prometheus' rules: each group of recordings and of alerts is one."""

from collections.abc import Sequence

from groupnl.monitoring.alerts import alerts
from groupnl.monitoring.config import MonitoringConfig
from groupnl.monitoring.recorded.groups import LONG_GROUP, recordings
from groupnl.monitoring.recording import LONG_INTERVAL
from groupnl.monitoring.rules import RUNBOOK, Alert, Recording, rule_file


def rule_files(config: MonitoringConfig) -> dict[str, str]:
    """Path below `serving_config/` -> text.

    Args:
        config: how alerts judge.
    """
    groups: dict[str, Sequence[Recording | Alert]] = {**recordings(config.baseline), **alerts(config.baseline)}
    intervals = {LONG_GROUP: LONG_INTERVAL}
    runbook = config.runbooks or RUNBOOK
    return {
        f"prometheus/rules/{name}.yml": rule_file(name, content, runbook, intervals.get(name, ""))
        for name, content in groups.items()
    }
