"""What Grafana asks when a dashboard is opened: variables at their defaults, rows repeated for them.

As Grafana 11.6 does it: public/app/features/dashboard-scene (variables, rows that are repeated) and the data source for
Prometheus (how values are put into a query).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

ALL = "$__all"
LabelValues = Callable[[str, str], Sequence[str]]
Values = dict[str, list[str]]


class Asked(NamedTuple):
    """One query.

    Attributes:
        row: the heading above its panel, with the value for which it is repeated.
        panel: the panel's title.
        letter: of the query in the panel.
        text: PromQL.
        closed: whether its row is closed at first: then it is asked only when somebody opens the row.
    """

    row: str
    panel: str
    letter: str
    text: str
    closed: bool


def opened(dashboard: dict[str, Any], label_values: LabelValues, sources: Sequence[str], interval: str) -> list[Asked]:
    """Every query of a dashboard that has just been opened.

    Args:
        dashboard: its JSON.
        label_values: tells a label's values, by a selector and the label.
        sources: uids of the data sources for Prometheus that there are, the default one first.
        interval: what Grafana takes for ``$__rate_interval``.
    """
    values = _variables(dashboard, label_values, sources, interval)
    asked: list[Asked] = []
    for row, panels in _rows(dashboard["panels"]):
        repeated = row.get("repeat")
        for value in (values[repeated] or [""]) if repeated else [""]:
            local = values | ({repeated: [value]} if repeated else {})
            heading = row["title"].replace("$watched", value)
            asked += [
                Asked(heading, panel["title"], target["refId"], filled(target["expr"], local), row["collapsed"])
                for panel in panels
                for target in panel.get("targets", [])
            ]
    return asked


def _variables(dashboard: dict[str, Any], label_values: LabelValues, sources: Sequence[str], interval: str) -> Values:
    values: Values = {"__rate_interval": [interval]}
    for variable in dashboard["templating"]["list"]:
        values[variable["name"]] = _chosen(variable, _options(variable, values, label_values, sources))
    return values


def _options(variable: dict[str, Any], values: Values, label_values: LabelValues, sources: Sequence[str]) -> list[str]:
    if variable["type"] == "datasource":
        return list(sources)
    if variable["type"] == "custom":
        return variable["query"].split(",")
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
    assert found, variable["query"]
    return sorted(label_values(filled(found[1], values), found[2]))


def _chosen(variable: dict[str, Any], options: list[str]) -> list[str]:
    """Those of the dashboard's file that there are, else the first, else none."""
    current = variable.get("current", {}).get("value", "")
    asked = current if isinstance(current, list) else [current]
    there = [value for value in asked if value in options]
    if variable.get("includeAll") and (not there or asked == [ALL]):
        return options
    return there or options[:1]


def _rows(panels: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each row with its panels: those inside it where it is closed, else those up to the next."""
    rows: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for panel in panels:
        if panel["type"] == "row":
            rows.append((panel, list(panel["panels"])))
        else:
            rows[-1][1].append(panel)
    return rows


def filled(text: str, values: Values) -> str:
    """A text with values in place of variables; several become a regular expression."""

    def value_of(found: re.Match[str]) -> str:
        value = values.get(found[1])
        if value is None:
            return found[0]
        if found[1].startswith("__") or found[1] == "window":
            return value[0]
        escaped = [re.sub(r"([$^*{}\[\]'+?.()|\\])", r"\\\\\1", one) for one in value]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    return re.sub(r"\$(\w+)", value_of, text)
