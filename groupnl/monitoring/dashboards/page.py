"""What both dashboards share: variables, order of rows, and how one becomes JSON."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationContainer,
    DashboardCursorSync,
    RowPanel,
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from groupnl.metrics import BUILD_INFO, Family
from groupnl.monitoring.dashboards.annotations import annotations
from groupnl.monitoring.dashboards.panels import SOURCE, WIDTH, AnyPanel, linked_dashboard
from groupnl.monitoring.dashboards.queries import MODELS
from groupnl.monitoring.recording import TRAFFIC_SPANS, WEEK
from groupnl.monitoring.scrape import FRONTEND_JOB, JOB

WINDOWS = (*TRAFFIC_SPANS, WEEK)
USUAL_WINDOW = "1h"
PROVISIONED = ("Prometheus", "groupnl-prometheus")  # name and uid in serving_config/grafana/provisioning
OWN_QUESTIONS = 1  # the service asks each model once when it starts
ALL = ("All", "$__all")  # text and value, as Grafana has them


@dataclass(frozen=True)
class Row:
    """Panels below a heading.

    Attributes:
        heading: of the row; may hold ``$watched`` where it is repeated.
        panels: every line of them fills the width.
        by_model: whether it is repeated for each watched model, which is then ``$watched`` in its queries.
        collapsed: whether it is closed until somebody opens it; its queries are asked only then.
    """

    heading: str
    panels: Sequence[AnyPanel]
    by_model: bool = False
    collapsed: bool = False


def page(uid: str, title: str, description: str, rows: Sequence[Row], other: tuple[str, str], watched: Family) -> str:
    """A dashboard as Grafana's JSON.

    Args:
        uid: its address in Grafana.
        title: its name.
        description: what it answers.
        rows: in their order.
        other: title and uid of the dashboard that it links to.
        watched: the counter that has counted something for those models for which rows are repeated.
    """
    result = builders.Dashboard(title).uid(uid).description(description).tags(["groupnl"]).readonly()
    result.time("now-6h", "now").refresh("30s").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
    result.link(linked_dashboard(*other))
    for variable in (_source(), *_choices(watched), _window()):
        result.with_variable(variable)
    for row in rows:
        _add(result, row)
    return json.dumps(json.loads(JSONEncoder().encode(_whole(result))), indent=1, sort_keys=True) + "\n"


def _add(result: builders.Dashboard, row: Row) -> None:
    _check_width(row)
    line = builders.Row(row.heading)
    if row.by_model:
        line.repeat("watched")
    if row.collapsed:  # its panels lie inside it
        for panel in row.panels:
            line.with_panel(panel)
    result.with_row(line)
    if not row.collapsed:
        for panel in row.panels:
            result.with_panel(panel)


def _whole(result: builders.Dashboard) -> object:
    """With the marks, and with the numbers that Grafana would give the panels when it saves."""
    built = result.build()
    built.annotations = AnnotationContainer(annotations())
    numbers = itertools.count(1)
    for panel in built.panels or []:
        panel.id_val = next(numbers)
        for inner in panel.panels if isinstance(panel, RowPanel) else []:
            inner.id_val = next(numbers)
    return built


def _check_width(row: Row) -> None:
    """A line that is not filled would be overlapped by the next."""
    widths = [position.w for panel in row.panels if (position := panel.build().grid_pos) is not None]
    if sum(widths) % WIDTH:
        raise ValueError(f"the panels of the row {row.heading!r} are {sum(widths)} wide, no multiple of {WIDTH}")


def _source() -> builders.DatasourceVariable:
    """Whom the queries ask; at first the provisioned one, and where there is none the first Prometheus."""
    text, value = PROVISIONED
    source = builders.DatasourceVariable("source").label("Data source").type("prometheus")
    return source.current(VariableOption(True, text, value))


def _choices(watched: Family) -> tuple[builders.QueryVariable, ...]:
    """All replicas and models at first: whichever has shadows, it is there."""
    return (
        _choice("instance", "Replica", f'label_values(up{{job=~"{JOB}|{FRONTEND_JOB}"}}, instance)').description(
            "Of requests, queues and workers; recorded figures are of all replicas together."
        ),
        _choice("model", "Model", f"label_values({BUILD_INFO.name}, model)"),
        # Those of the chosen models that were watched in the time that is shown: rows are repeated for them. There is
        # nothing to choose.
        _choice(
            "watched",
            "Watched",
            f"query_result(count by (model) (max_over_time({watched.name}{{{MODELS}}}[$__range]) > {OWN_QUESTIONS}))",
        )
        .regex('/model="([^"]+)"/')
        .hide(VariableHide.HIDE_VARIABLE),
    )


def _choice(name: str, label: str, query: str) -> builders.QueryVariable:
    variable = builders.QueryVariable(name).label(label).datasource(SOURCE).query({"query": query, "refId": name})
    variable.multi(True).include_all(True).current(VariableOption(True, [ALL[0]], [ALL[1]]))
    return variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)


def _window() -> builders.CustomVariable:
    options = [VariableOption(window == USUAL_WINDOW, window, window) for window in WINDOWS]
    variable = builders.CustomVariable("window").label("Window").values(",".join(WINDOWS)).options(options)
    return variable.current(VariableOption(True, USUAL_WINDOW, USUAL_WINDOW)).hide(VariableHide.DONT_HIDE)
