"""`/openapi.json` and `/docs`: every address is described, and nothing else."""

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from support.front import Front

from groupnl.errors import refused_errors
from groupnl.server.web.app import Route
from groupnl.server.web.openapi import SCHEMAS

NAMES = {"name": "owls", "version": "1.0"}
REST = "/v2/.*"  # refuses what is nothing
PAGES = r"/(playground.*)?"  # for people, not for programs


@pytest.fixture(scope="module")
def front() -> Front:
    return Front()


@pytest.fixture(scope="module")
def described(front: Front) -> Mapping[str, Any]:
    answer = front.ask("GET", "/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    return dict(answer.json())


def _route(front: Front, path: str) -> Route:
    return next(route for route in front.routes if route.path.fullmatch(path.format(**NAMES)))


def _methods(item: Mapping[str, Any]) -> set[str]:
    return {method.upper() for method in item if method != "parameters"}


def test_every_route_is_described(front: Front, described: Mapping[str, Any]) -> None:
    found = [_route(front, path) for path in described["paths"]]
    missing = [route.path.pattern for route in front.routes if route not in found]
    assert [path for path in missing if path != REST and not re.fullmatch(PAGES, path)] == []


def test_what_is_described_is_there(front: Front, described: Mapping[str, Any]) -> None:
    for path, item in described["paths"].items():
        assert _methods(item) == set(_route(front, path).methods) - {"HEAD"}, path
        for method in _methods(item):
            answer = front.ask(method, path.format(**NAMES))
            assert str(answer.status_code) in item[method.lower()]["responses"], (method, path, answer.text)


def test_all_versions_of_an_optional_part(front: Front, described: Mapping[str, Any]) -> None:
    """An expression with an optional part stands for two addresses."""
    for route in front.routes:
        described_here = [path for path in described["paths"] if _route(front, path) is route]
        assert len(described_here) >= (2 if "(?:" in route.path.pattern else 1) or re.fullmatch(
            f"{re.escape(REST)}|{PAGES}", route.path.pattern
        )


def test_the_description_holds_together(described: Mapping[str, Any]) -> None:
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))
    assert named == set(SCHEMAS)
    operations = [each for item in described["paths"].values() for each in item.values() if isinstance(each, dict)]
    assert len({each["operationId"] for each in operations}) == len(operations)


def test_every_status_of_a_refusal_is_told(described: Mapping[str, Any]) -> None:
    told = set(described["paths"]["/predictions/{name}"]["put"]["responses"])
    elsewhere = {405, 409, 417, 431, 501, 505}  # of reloads, and of HTTP itself: of no address alone
    assert {str(error.status) for error in refused_errors() if error.status not in elsewhere} <= told


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str | None]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [(name, value) for name, value in attrs if name in ("src", "href")]


def test_the_page_needs_nothing_else(front: Front, described: Mapping[str, Any]) -> None:
    answer = front.ask("GET", "/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    links = _Links()
    links.feed(answer.text)
    assert links.found == [("href", "openapi.json")]
    assert links.tags.isdisjoint({"script", "link", "img", "iframe"})
    for path in described["paths"]:
        assert f"<code>{path}</code>" in answer.text
