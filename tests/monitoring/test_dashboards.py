"""Grafana's dashboards: readable, complete, without overlaps, and of the right types."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard
from support.expressions import DASHBOARDS, SERVING_CONFIG, panels, rules

from groupnl.monitoring.dashboards.operators import operators_dashboard
from groupnl.robustness.power import NEEDED

LOADED = {file.stem: json.loads(file.read_text()) for file in DASHBOARDS}
ALL_PANELS = [
    pytest.param(panel, id=f"{name}-{panel['id']}") for name, page in LOADED.items() for panel in panels(page)
]
PROVISIONING = SERVING_CONFIG / "grafana" / "provisioning"
# With TorchServe and without GPUs some rows say little: they, and what goes into detail, are closed at first.
# Drift first, agreement second, the twin third.
OPEN_ROWS = [
    "Now",
    "$watched: what the traffic is like",
    "$watched: how accurate it is now",
    "$watched: agreement under corruption",
    "$watched: against its twin",
    "Requests, errors, latency",
    "Queue, workers, machine",
]
CLOSED_ROWS = [
    "Where the time goes",
    "GPUs",
    "Shadow health",
    "$watched: files of the traffic",
    "$watched: corruption by severity",
    "$watched: truth and the label-free band",
    "$watched: its candidate",
    "Alerts and what to do",
]
# Kinds of panels that ask Prometheus nothing themselves.
WITHOUT_QUERIES = ("text", "alertlist")
# What Grafana's Python types lack of a mark that comes from Prometheus.
OF_PROMETHEUS = ("titleFormat", "tagKeys", "useValueForTime")
RUNBOOK = Path(__file__).parents[2] / "docs" / "monitoring.md"
# Words in italics there that name no panel.
NO_PANELS = {"Page.", "Ticket.", "burn rate", "Memory", "That it is silent says nothing"}
UNITS = {value for name, value in vars(units).items() if not name.startswith("_")}
# Where a metric's name, or a function, tells the unit.
UNIT_OF = (
    (r"histogram_quantile\(.*_seconds_bucket.*", "s"),
    (r"sum by \([\w, ]+\) \(rate\(\w+_total{[^}]*}\[\S+\]\)\)( > 0)?", "reqps"),
    (r"(max|sum) by \([\w, ]+\) \(groupnl_\w+_bytes{[^}]*}\)", "bytes"),
    (r"groupnl_\w+_time_seconds{[^}]*} \* 1000", "dateTimeFromNow"),
    (r"groupnl_machine_\w+_ratio.*", "percentunit"),
)
GREENS = ("green", "Gr", "YlGn")


def rows_of(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in page["panels"] if panel["type"] == "row"]


def with_rows(page: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows and panels, as they stand below each other when all rows are open."""
    return [part for panel in page["panels"] for part in (panel, *panel.get("panels", []))]


def test_rows_in_order() -> None:
    rows = rows_of(LOADED["operators"])
    assert [row["title"] for row in rows if not row["collapsed"]] == OPEN_ROWS
    assert [row["title"] for row in rows] == OPEN_ROWS + CLOSED_ROWS


@pytest.mark.parametrize("name", LOADED)
def test_a_row_that_names_its_model_is_repeated_for_each(name: str) -> None:
    for row in rows_of(LOADED[name]):
        assert ("$watched" in row["title"]) == (row.get("repeat") == "watched")


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_every_panel_says_how_to_read_it(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"].split()) >= 8
    if panel["type"] not in WITHOUT_QUERIES:
        assert panel["targets"]
        own = [
            value["value"]
            for override in panel["fieldConfig"]["overrides"]
            for value in override["properties"]
            if value["id"] == "unit"
        ]
        assert {panel["fieldConfig"]["defaults"]["unit"], *own} <= UNITS


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_units_are_those_of_what_is_asked(panel: dict[str, Any]) -> None:
    for target in panel.get("targets", []):
        for pattern, unit in UNIT_OF:
            if re.fullmatch(pattern, target["expr"]):
                assert unit_of(panel, target["refId"]) == unit, target["expr"]


def unit_of(panel: dict[str, Any], letter: str) -> str:
    """Of one query: its own, else the panel's."""
    own = [
        value["value"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"] == {"id": "byFrameRefID", "options": letter}
        for value in override["properties"]
        if value["id"] == "unit"
    ]
    return own[0] if own else panel["fieldConfig"]["defaults"]["unit"]


def test_nothing_about_robustness_is_green() -> None:
    """A high level is no good news: broken pictures are answered steadily."""
    for page in LOADED.values():
        for row in rows_of(page):
            if "$watched" not in row["title"] and row["title"] != "Shadow health":
                continue
            start = page["panels"].index(row) + 1
            inside = row["panels"] or itertools.takewhile(lambda panel: panel["type"] != "row", page["panels"][start:])
            for panel in inside:
                assert not any(green in json.dumps(panel.get("fieldConfig", {})) for green in GREENS), panel["title"]


def test_the_panel_on_agreement_warns_of_high_levels() -> None:
    (panel,) = [panel for panel in panels(LOADED["operators"]) if panel["title"].startswith("Answers that stay under")]
    assert "a broken picture is answered steadily" in panel["description"]
    (words,) = [
        value["value"][0]["options"]
        for override in panel["fieldConfig"]["overrides"]
        for value in override["properties"]
        if value["id"] == "mappings"
    ]
    coloured = [word["text"] for word in words.values() if word["color"] != "text"]
    assert coloured == ["lower than expected"]
    assert all("thresholds" not in json.dumps(override) for override in panel["fieldConfig"]["overrides"])


@pytest.mark.parametrize("name", LOADED)
def test_panels_fill_the_page_and_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for position in (panel["gridPos"] for panel in with_rows(LOADED[name])):
        columns, lines = (
            range(position["x"], position["x"] + position["w"]),
            range(position["y"], position["y"] + position["h"]),
        )
        cells = set(itertools.product(columns, lines))
        assert not cells & taken
        assert max(columns) < 24
        taken |= cells
    assert len(taken) == 24 * (1 + max(line for _, line in taken))


@pytest.mark.parametrize("name", LOADED)
def test_numbers_of_panels(name: str) -> None:
    numbers = [panel["id"] for panel in with_rows(LOADED[name])]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("name", LOADED)
def test_grafanas_types_hold_all_of_it(name: str) -> None:
    read = Dashboard.from_json(LOADED[name])
    marks = [
        {key: value for key, value in mark.items() if key not in OF_PROMETHEUS}
        for mark in LOADED[name]["annotations"]["list"]
    ]
    assert json.loads(JSONEncoder().encode(read)) == LOADED[name] | {"annotations": {"list": marks}}


def test_the_source_is_a_choice_and_at_first_the_provisioned_one() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    for page in LOADED.values():
        asked = re.findall(r'"datasource": {"type": "\w+", "uid": "([^"]+)"}', json.dumps(page))
        assert set(asked) == {"${source}"}
        variable = page["templating"]["list"][0]
        assert (variable["name"], variable["type"], variable["query"]) == ("source", "datasource", source["type"])
        assert (variable["current"]["text"], variable["current"]["value"]) == (source["name"], source["uid"])


def test_several_models_and_replicas_can_be_chosen_and_all_are_at_first() -> None:
    for page in LOADED.values():
        variables = {variable["name"]: variable for variable in page["templating"]["list"]}
        assert list(variables) == ["source", "instance", "model", "watched", "window"]
        for name in ("instance", "model", "watched"):
            assert variables[name]["multi"]
            assert variables[name]["includeAll"]
            assert variables[name]["current"]["value"] == ["$__all"]


@pytest.mark.parametrize("name", LOADED)
def test_a_choice_of_several_is_a_regular_expression(name: str) -> None:
    """Grafana escapes what is chosen, and joins several by a bar: an equals sign finds none of them."""
    for panel in panels(LOADED[name]):
        for target in panel.get("targets", []):
            for sign in re.findall(r"(\S)\"[^\"]*\$(?:model|instance|watched)", target["expr"]):
                assert sign == "~", target["expr"]


def test_alerts_are_listed_with_their_runbooks() -> None:
    kinds = [panel["type"] for panel in panels(LOADED["operators"])]
    assert kinds.count("alertlist") == 1
    alerts = {rule["alert"]: rule["annotations"]["runbook_url"] for rule in rules() if "alert" in rule}
    assert dict(re.findall(r"- (\w+): `([^`]+)`", runbook_text(LOADED["operators"]))) == alerts


def test_runbooks_that_are_published_are_links() -> None:
    page = json.loads(operators_dashboard("https://wiki.internal/groupnl"))
    links = dict(re.findall(r"- \[(\w+)\]\(([^)]+)\)", runbook_text(page)))
    alerts = [rule["alert"] for rule in rules() if "alert" in rule]
    assert links == {alert: f"https://wiki.internal/groupnl#{alert.lower()}" for alert in alerts}


def runbook_text(page: dict[str, Any]) -> str:
    (text,) = [panel["options"]["content"] for panel in panels(page) if panel["title"] == "What to do"]
    return text


@pytest.mark.parametrize("name", LOADED)
def test_marks_of_starts_archives_reloads_and_alerts(name: str) -> None:
    marks = {mark["name"]: mark for mark in LOADED[name]["annotations"]["list"]}
    assert list(marks) == ["Starts", "Workers", "Archives", "Reloads", "Alerts"]
    assert [mark for mark in marks if marks[mark]["useValueForTime"]] == ["Starts"]
    assert all(mark["enable"] and mark["titleFormat"] for mark in marks.values())


def test_the_table_of_power_stands_beside_the_test() -> None:
    for page in LOADED.values():
        texts = [panel["options"]["content"] for panel in panels(page) if panel["type"] == "text"]
        (table,) = [text for text in texts if "true difference" in text]
        for need in NEEDED:
            assert f"| {need.difference * 100:g} points | {need.informative:,} | {need.pairs:,} |" in table


def test_dashboards_link_to_each_other() -> None:
    links = {page["uid"]: [link["url"] for link in page["links"]] for page in LOADED.values()}
    assert links == {"groupnl-operators": ["/d/groupnl-twin"], "groupnl-twin": ["/d/groupnl-operators"]}


def test_overrides_name_what_is_there() -> None:
    for page in LOADED.values():
        for panel in panels(page):
            letters = {target["refId"] for target in panel.get("targets", [])}
            renamed = {
                name
                for step in panel.get("transformations", [])
                for name in step["options"].get("renameByName", {}).values()
            }
            for override in panel.get("fieldConfig", {}).get("overrides", []):
                allowed = {"byFrameRefID": letters, "byName": renamed, "byType": {"string"}}[override["matcher"]["id"]]
                assert override["matcher"]["options"] in allowed


def test_compose_shows_these_dashboards() -> None:
    services = yaml.safe_load((SERVING_CONFIG / "compose.yaml").read_text())["services"]
    mounted = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    assert mounted["./grafana/provisioning"] == "/etc/grafana/provisioning"
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "groupnl.yml").read_text())["providers"]
    assert provider["options"]["path"] == mounted["./grafana/dashboards"]
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (SERVING_CONFIG / "grafana" / "dashboards" / Path(home).name).exists()


def test_the_runbook_names_panels_that_there_are() -> None:
    text = RUNBOOK.read_text(encoding="utf-8").split("## The alerts")[1].replace("\n", " ")
    named = set(re.findall(r"(?<![*\w])\*([^*]+)\*(?!\*)", text))
    titles = {page["title"] for page in LOADED.values()} | {
        part["title"] for page in LOADED.values() for part in with_rows(page)
    }
    assert named & titles
    assert named - titles <= NO_PANELS
