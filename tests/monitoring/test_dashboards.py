"""Grafana's dashboards: readable, complete, without overlaps, and of the right types."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from support.expressions import DASHBOARDS, SERVING_CONFIG, panels

LOADED = {file.stem: json.loads(file.read_text()) for file in DASHBOARDS}
ALL_PANELS = [
    pytest.param(panel, id=f"{name}-{panel['id']}") for name, page in LOADED.items() for panel in panels(page)
]
PROVISIONING = SERVING_CONFIG / "grafana" / "provisioning"
OPERATORS_ROWS = [
    "Verdict",
    "Requests, errors, latency",
    "Batches and saturation",
    "Our own server: queue, workers, connections",
    "Shadow health",
    "Robustness: corruption by severity",
    "$model against $reference",
    "Truth: probe set, labels, and the label-free band",
]


def test_rows_in_order() -> None:
    rows = [panel["title"] for panel in LOADED["operators"]["panels"] if panel["type"] == "row"]
    assert rows == OPERATORS_ROWS


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_every_panel_says_how_to_read_it(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"].split()) >= 8
    assert panel["targets"]
    assert panel["fieldConfig"]["defaults"]["unit"]


@pytest.mark.parametrize("name", LOADED)
def test_panels_fill_the_page_and_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for position in (panel["gridPos"] for panel in LOADED[name]["panels"]):
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
    numbers = [panel["id"] for panel in LOADED[name]["panels"]]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("name", LOADED)
def test_grafanas_types_hold_all_of_it(name: str) -> None:
    read = Dashboard.from_json(LOADED[name])
    assert json.loads(JSONEncoder().encode(read)) == LOADED[name]


def test_the_source_is_the_provisioned_one() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    asked = {
        uid
        for page in LOADED.values()
        for uid in re.findall(r'"datasource": {"type": "\w+", "uid": "([^"]+)"}', json.dumps(page))
    }
    assert asked == {source["uid"]}


def test_dashboards_link_to_each_other() -> None:
    links = {page["uid"]: [link["url"] for link in page["links"]] for page in LOADED.values()}
    assert links == {"groupnl-operators": ["/d/groupnl-twin"], "groupnl-twin": ["/d/groupnl-operators"]}


def test_overrides_name_what_is_there() -> None:
    for page in LOADED.values():
        for panel in panels(page):
            letters = {target["refId"] for target in panel["targets"]}
            renamed = {
                name
                for step in panel.get("transformations", [])
                for name in step["options"].get("renameByName", {}).values()
            }
            for override in panel["fieldConfig"]["overrides"]:
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
