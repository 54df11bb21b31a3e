"""What both dashboards share: variables, order of rows, and how one becomes JSON."""

import json
from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from groupnl.metrics import BUILD_INFO, PAIRED_OUTCOMES_TOTAL
from groupnl.monitoring.dashboards.panels import SOURCE, WIDTH, AnyPanel, linked_dashboard
from groupnl.monitoring.dashboards.queries import MODEL

WINDOWS = ("15m", "1h", "6h", "1d", "7d")
USUAL_WINDOW = "1h"
Row = tuple[str, Sequence[AnyPanel]]


def page(uid: str, title: str, description: str, rows: Sequence[Row], other: tuple[str, str]) -> str:
    """A dashboard as Grafana's JSON.

    Args:
        uid: its address in Grafana.
        title: its name.
        description: what it answers.
        rows: heading and panels of each; every line of panels fills the width.
        other: title and uid of the dashboard that it links to.
    """
    result = builders.Dashboard(title).uid(uid).description(description).tags(["groupnl"]).readonly()
    result.time("now-6h", "now").refresh("30s").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
    result.link(linked_dashboard(*other))
    for variable in (*_choices(), _window()):
        result.with_variable(variable)
    for heading, panels in rows:
        _check_width(heading, panels)
        result.with_row(builders.Row(heading))
        for panel in panels:
            result.with_panel(panel)
    return json.dumps(json.loads(JSONEncoder().encode(_numbered(result))), indent=1, sort_keys=True) + "\n"


def _numbered(result: builders.Dashboard) -> object:
    """Panels get the numbers that Grafana would give them when it saves."""
    built = result.build()
    for number, panel in enumerate(built.panels or [], start=1):
        panel.id_val = number
    return built


def _check_width(heading: str, panels: Sequence[AnyPanel]) -> None:
    """A line that is not filled would be overlapped by the next."""
    widths = [position.w for panel in panels if (position := panel.build().grid_pos) is not None]
    if sum(widths) % WIDTH:
        raise ValueError(f"the panels of the row {heading!r} are {sum(widths)} wide, no multiple of {WIDTH}")


def _choices() -> tuple[builders.QueryVariable, builders.QueryVariable]:
    return (
        _choice("model", "Model", f"label_values({BUILD_INFO.name}, model)"),
        _choice("reference", "Compared with", f"label_values({PAIRED_OUTCOMES_TOTAL.name}{{{MODEL}}}, reference)"),
    )


def _choice(name: str, label: str, query: str) -> builders.QueryVariable:
    variable = builders.QueryVariable(name).label(label).datasource(SOURCE).query({"query": query, "refId": name})
    return variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)


def _window() -> builders.CustomVariable:
    options = [VariableOption(window == USUAL_WINDOW, window, window) for window in WINDOWS]
    variable = builders.CustomVariable("window").label("Window").values(",".join(WINDOWS)).options(options)
    return variable.current(VariableOption(True, USUAL_WINDOW, USUAL_WINDOW)).hide(VariableHide.DONT_HIDE)
