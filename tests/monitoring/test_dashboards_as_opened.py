"""Dashboards as they open, on a real Prometheus that scrapes two models: the first in the alphabet has no shadows."""

import json
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.exposition import MODEL, TWIN, exposed
from support.expressions import DASHBOARDS
from support.grafana import Asked, opened
from support.prometheus import Prometheus, configure, tools

from groupnl_studies.harness.ports import free_ports

pytestmark = pytest.mark.slow

LOADED = {file.stem: json.loads(file.read_text()) for file in DASHBOARDS}
LIMIT_S = 60
INTERVAL = "10s"
# Panels of closed rows that have no figure here, with the reason.
NOTHING_TO_SHOW = {
    "Memory of the GPUs": "no model is on a GPU",
    "GPUs at work": "no exporter is asked",
    "Power of the GPUs": "no exporter is asked",
    "When alerts fired": "none fires",
    "Loss of confidence, last 6h": "the twin is served without shadows",
}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    tools()  # skips where there are none
    folder = tmp_path_factory.mktemp("opened")
    (port,) = free_ports(1)
    config = configure(folder, "--workers", f"127.0.0.1:{port}")
    with exposed(port):
        prometheus = Prometheus(config, folder / "data")
        try:
            prometheus.wait_until_ready()
            yield prometheus
        finally:
            prometheus.stop()


def asked(prometheus: Prometheus, page: dict[str, Any]) -> list[Asked]:
    return opened(page, prometheus, ["another", "groupnl-prometheus"], INTERVAL)


def is_empty(prometheus: Prometheus, query: Asked) -> bool:
    return all(math.isnan(float(series["value"][1])) for series in prometheus.query(query.text))


def empty(prometheus: Prometheus, page: dict[str, Any], hopeless: set[str]) -> list[Asked]:
    """Queries without a value, as soon as only hopeless panels have them, or after a while."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        found = [query for query in asked(prometheus, page) if is_empty(prometheus, query)]
        if {query.panel for query in found} <= hopeless or time.monotonic() > deadline:
            return found
        time.sleep(1)


@pytest.mark.parametrize("name", LOADED)
def test_no_query_is_empty_when_a_dashboard_opens(prometheus: Prometheus, name: str) -> None:
    found = empty(prometheus, LOADED[name], set(NOTHING_TO_SHOW))
    assert [query for query in found if not query.closed] == []
    assert {query.panel for query in found} <= set(NOTHING_TO_SHOW)


def test_panels_that_are_excused_are_empty(prometheus: Prometheus) -> None:
    """An excuse that nobody needs would hide a fault."""
    found = [query for page in LOADED.values() for query in empty(prometheus, page, set(NOTHING_TO_SHOW))]
    assert {query.panel for query in found} == set(NOTHING_TO_SHOW)


@pytest.mark.parametrize("name", LOADED)
def test_rows_are_repeated_for_models_with_shadows_alone(prometheus: Prometheus, name: str) -> None:
    empty(prometheus, LOADED[name], set(NOTHING_TO_SHOW))
    rows = {query.row for query in asked(prometheus, LOADED[name])}
    assert any(row.startswith(MODEL) for row in rows)
    assert not any(row.startswith(TWIN) for row in rows)


def test_the_twin_alone_would_leave_the_dashboard_empty(prometheus: Prometheus) -> None:
    """As dashboards opened once: on the first model of the alphabet."""
    page = json.loads(json.dumps(LOADED["operators"]))
    for variable in page["templating"]["list"]:
        if variable["name"] == "model":
            variable |= {"includeAll": False, "current": {"text": TWIN, "value": TWIN}}
    assert not [query for query in empty(prometheus, LOADED["operators"], set(NOTHING_TO_SHOW)) if not query.closed]
    robustness = [query for query in asked(prometheus, page) if query.row.startswith(":")]
    assert len(robustness) > 20
    assert all(is_empty(prometheus, query) for query in robustness)


@pytest.mark.parametrize("name", LOADED)
def test_every_mark_can_be_asked_for(prometheus: Prometheus, name: str) -> None:
    page = json.loads(json.dumps(LOADED[name]))
    marks = page["annotations"]["list"]
    page["panels"] = [
        {"type": "row", "title": "marks", "collapsed": False, "panels": []},
        {
            "type": "marks",
            "title": "marks",
            "targets": [{"refId": mark["name"], "expr": mark["expr"]} for mark in marks],
        },
    ]
    answers = {query.letter: prometheus.query(query.text) for query in asked(prometheus, page)}
    assert list(answers) == [mark["name"] for mark in marks]
    (start,) = answers["Starts"]
    assert abs(float(start["value"][1]) / 1000 - time.time()) < 600
