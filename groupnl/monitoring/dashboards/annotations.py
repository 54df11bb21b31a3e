"""What happened, as marks on every panel over time: starts, archives, reloads, alerts."""

from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import AnnotationQuery

from groupnl.metrics import BUILD_INFO, RELOADS, START_TIME, WORKER_STARTS
from groupnl.monitoring.dashboards.now import FIRING
from groupnl.monitoring.dashboards.panels import BLUE, GREEN, RED, SOURCE, YELLOW
from groupnl.monitoring.dashboards.queries import CHOSEN, INSTANCES, MODELS, RATE_WINDOW

# A mark lasts for as long as its query has an answer: one window.
SERVED = f"count by (model, archive_sha256, version) ({BUILD_INFO.name}{{{MODELS}}})"
SERVED_BEFORE = f"count by (model, archive_sha256, version) ({BUILD_INFO.name}{{{MODELS}}} offset {RATE_WINDOW})"


@dataclass(frozen=True)
class Mark:
    """One kind of marks.

    Attributes:
        name: in the switches at the top.
        expr: has an answer above 0 when it happened; with `at_value` the answer is the time, milliseconds.
        title: with Grafana's ``{{label}}``.
        colour: of the mark.
        tags: labels whose values are shown as tags.
        at_value: see `expr`.
    """

    name: str
    expr: str
    title: str
    colour: str
    tags: tuple[str, ...]
    at_value: bool = False


MARKS = (
    Mark("Starts", f"{START_TIME.name}{{{INSTANCES}}} * 1000", "the service was started", GREEN, ("instance",), True),
    Mark(
        "Workers",
        f"sum by (instance, model) (increase({WORKER_STARTS.name}{{{CHOSEN}}}[{RATE_WINDOW}])) > 0",
        "a worker became ready",
        BLUE,
        ("instance", "model"),
    ),
    Mark("Archives", f"{SERVED} unless {SERVED_BEFORE}", "served from here on", YELLOW, ("model", "archive_sha256")),
    Mark(
        "Reloads",
        f"sum by (model, outcome) (increase({RELOADS.name}{{{CHOSEN}}}[{RATE_WINDOW}])) > 0",
        "reload: {{outcome}}",
        BLUE,
        ("model",),
    ),
    Mark("Alerts", FIRING, "{{alertname}}", RED, ("severity", "model")),
)


class _PrometheusMark(AnnotationQuery):
    """Grafana's type lacks what only Prometheus' marks have."""

    def __init__(self, mark: Mark) -> None:
        super().__init__(name=mark.name, datasource=SOURCE, enable=True, icon_color=mark.colour, expr=mark.expr)
        self._mark = mark

    def to_json(self) -> dict[str, object]:
        """As Grafana's data source for Prometheus reads it."""
        mark = self._mark
        own: dict[str, object] = {"titleFormat": mark.title, "tagKeys": ",".join(mark.tags)}
        return super().to_json() | own | {"useValueForTime": mark.at_value}


def annotations() -> list[AnnotationQuery]:
    """All of them; each can be switched off at the top."""
    return [_PrometheusMark(mark) for mark in MARKS]
