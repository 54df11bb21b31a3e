"""The playground's files: what a browser gets, and what it may do with them."""

import json
import re
from pathlib import Path

import pytest
from support.front import Front

from groupnl.corruptions.names import NAMES, SEVERITIES
from groupnl.corruptions.sheet_command import GROUPS
from groupnl.server.web.playground import FOLDER

SAMPLE = Path(__file__).parents[3] / "docs" / "sample.png"
TEXTS = [path for path in sorted(FOLDER.iterdir()) if path.suffix in (".html", ".css", ".js")]


def test_the_page() -> None:
    answer = Front().ask("GET", "/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.content == (FOLDER / "index.html").read_bytes()
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("sample.png", "image/png"),
    ],
)
def test_its_files(name: str, kind: str) -> None:
    answer = Front().ask("GET", f"/playground/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.content == (FOLDER / name).read_bytes()


def test_a_browser_that_has_a_file_is_not_sent_it_again() -> None:
    front = Front()
    first, other = front.ask("GET", "/"), front.ask("GET", "/playground/app.js")
    assert first.headers["etag"] != other.headers["etag"]
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f"{other.headers['etag']}, {tag}"):
        again = front.ask("GET", "/", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert front.ask("GET", "/", headers={"If-None-Match": other.headers["etag"]}).status_code == 200


@pytest.mark.parametrize("path", ["/playground", "/playground/", "/playground/nothing.js", "/playground/../app.py"])
def test_nothing_else_is_there(path: str) -> None:
    assert Front().ask("GET", path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/playground/app.js", "/corrupt/owls", "/robustness/owls?corruption=fog"])
def test_without_a_playground(path: str) -> None:
    method = "GET" if "owls" not in path else "POST"
    assert Front(playground=False).ask(method, path, content=b"" if method == "POST" else None).status_code == 404


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_other_host_and_nothing_inline(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"https?:|//[a-z]|innerHTML|\son\w+=|<style|style=|eval\(", text) == []


def test_the_corruptions_are_the_service_s() -> None:
    script = (FOLDER / "corruptions.js").read_text(encoding="utf-8")
    groups = {
        group: json.loads(names) for group, names in re.findall(r"^  (\w+): (\[.*\]),$", script, flags=re.MULTILINE)
    }
    assert [name for names in groups.values() for name in names] == list(NAMES)
    assert {group: len(names) for group, names in groups.items()} == GROUPS
    assert f"SEVERITIES = {list(SEVERITIES)};" in script


def test_the_sample_is_that_of_the_documents() -> None:
    assert (FOLDER / "sample.png").read_bytes() == SAMPLE.read_bytes()
