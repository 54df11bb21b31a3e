"""Panels that ask no data source: texts, and Grafana's own list of alerts."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.builders import text as text_builders
from grafana_foundation_sdk.models.text import TextMode

from groupnl.monitoring.dashboards.panels import Text


def prose(text: Text, markdown: str) -> text_builders.Panel:
    """What does not come from Prometheus: Markdown."""
    panel = text_builders.Panel().title(text.title).description(text.reading).span(text.width).height(text.height)
    return panel.mode(TextMode.MARKDOWN).content(markdown)


def alert_list(text: Text, prefix: str) -> dashboard.Panel:
    """Grafana's own list of alerts that fire or are about to, of every data source, with the links to their runbooks.

    Args:
        text: title and reading.
        prefix: what the names of the alerts begin with.
    """
    options = {
        "alertName": prefix,
        "alertInstanceLabelFilter": "",
        "dashboardAlerts": False,
        "groupBy": [],
        "groupMode": "default",
        "maxItems": 30,
        "sortOrder": 3,  # by importance
        "stateFilter": {
            "error": True,
            "firing": True,
            "noData": False,
            "normal": False,
            "pending": True,
            "recovering": True,
        },
        "viewMode": "list",
    }
    panel = dashboard.Panel().type("alertlist").title(text.title).description(text.reading)
    return panel.span(text.width).height(text.height).options(options)
