"""What Grafana asks when a dashboard is opened: variables at their defaults, rows repeated for them.

As Grafana 11.6 does it: public/app/features/dashboard-scene (variables, rows that are repeated) and the data source for
Prometheus (how values are put into a query).
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

ALL = "$__all"
RANGE = "6h"  # of time that a dashboard shows when it is opened
Values = dict[str, list[str]]


class Source(Protocol):
    """A Prometheus, or what answers as one."""

    def label_values(self, selector: str, label: str) -> Sequence[str]:
        """The values of a label among the series that a selector finds."""

    def query(self, expression: str) -> Sequence[dict[str, Any]]:
        """The series of an instant query's answer, each with `metric` and `value`."""


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


def opened(dashboard: dict[str, Any], source: Source, sources: Sequence[str], interval: str) -> list[Asked]:
    """Every query of a dashboard that has just been opened.

    Args:
        dashboard: its JSON.
        source: is asked for the values of variables.
        sources: uids of the data sources for Prometheus that there are, the default one first.
        interval: what Grafana takes for ``$__rate_interval``.
    """
    values = _variables(dashboard, source, sources, interval)
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


def _variables(dashboard: dict[str, Any], source: Source, sources: Sequence[str], interval: str) -> Values:
    values: Values = {"__rate_interval": [interval], "__range": [RANGE]}
    for variable in dashboard["templating"]["list"]:
        values[variable["name"]] = _chosen(variable, _options(variable, values, source, sources))
    return values


def _options(variable: dict[str, Any], values: Values, source: Source, sources: Sequence[str]) -> list[str]:
    if variable["type"] == "datasource":
        return list(sources)
    if variable["type"] == "custom":
        return variable["query"].split(",")
    query = filled(variable["query"]["query"], values)
    if found := re.fullmatch(r"label_values\((.+), (\w+)\)", query):
        return sorted(source.label_values(found[1], found[2]))
    found = re.fullmatch(r"query_result\((.+)\)", query)
    assert found, query
    wanted = re.compile(variable["regex"].strip("/"))
    return sorted({one[1] for series in source.query(found[1]) if (one := wanted.search(_shown(series)))})


def _shown(series: dict[str, Any]) -> str:
    """A series as Grafana shows it to a variable's regular expression."""
    labels = ",".join(f'{label}="{value}"' for label, value in series["metric"].items() if label != "__name__")
    return f"{series['metric'].get('__name__', '')}{{{labels}}} {series['value'][1]}"


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
