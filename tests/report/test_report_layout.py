"""groupnl report: can the page be read on a phone and on paper?"""

import re

import pytest
from support.report_page import DARK, PAGE, PAGES, PRINT, RULES, declared, elements
from support.reported_traffic import STATISTICS

from groupnl.corruptions.names import NAMES
from groupnl.report import charts, traffic_card


@pytest.mark.parametrize("content", PAGES.values(), ids=PAGES)
def test_what_is_wide_is_scrolled_in_its_own_box(content: str) -> None:
    wide = elements("table", "svg", content=content)
    assert {element.tag for element in wide} == {"table", "svg"}
    assert all(element.inside("div", "scroll") for element in wide)
    boxes = [element for element in elements("div", content=content) if element.attributes.get("class") == "scroll"]
    # By keyboard, too; and a screen reader says what it is.
    assert all(box.attributes["tabindex"] == "0" and box.attributes["aria-label"] for box in boxes)
    usual = declared("")
    assert usual[".scroll"]["overflow-x"] == "auto"
    assert usual["th:first-child"]["position"] == "sticky"
    assert usual["body"]["overflow-wrap"] == usual["th"]["overflow-wrap"] == "anywhere"  # names may be long
    # Nothing else asks for a width.
    widths = {selector for _, selector, found in RULES if {"width", "min-width"} & found.keys()}
    assert widths == {
        "table",
        "th",
        "th:first-child",
        ".heat th + th",
        ".heat td",
        ".key i",
        "svg",
        ".side",
        ".plain",
        ".flip img",
    }


def test_charts_can_be_read_on_a_phone() -> None:
    """They shrink with the window, so that no bar is out of sight; words are larger there, and still have room."""
    assert "min-width" not in declared("")["svg"]
    size = float(declared("@media (max-width: 600px)")["svg text"]["font-size"].removesuffix("px"))
    inside = 360 - 2 * (10 + 12 + 1)  # main, card and its border
    assert size * inside / charts._WIDTH >= 9.5
    longest = max(map(len, NAMES))
    assert longest * 0.6 * size <= charts._LEFT - 10
    assert size * inside / traffic_card._WIDTH >= 9.5
    assert max(map(len, STATISTICS)) * 0.6 * size <= traffic_card._LEFT - 10
    left, right = charts._LEFT, charts._WIDTH - charts._RIGHT
    widest = [
        float(words) for words in re.findall(r'<text class="soft" x="([\d.]+)" y="\d+" text-anchor="start">', PAGE)
    ]
    assert widest
    assert max(widest) + len("+100.0") * 0.6 * size <= charts._WIDTH
    middle, half = (left + right) / 2, max(widest) - (left + right) / 2
    assert middle - half - len("-100.0") * 0.6 * size >= left - 10


def test_paper_is_light_and_shows_all() -> None:
    assert {medium for medium, *_ in RULES if "dark" in medium} == {DARK}
    paper = declared(PRINT)
    assert paper["body"]["print-color-adjust"] == "exact"
    assert paper[".scroll"]["overflow"] == "visible"
    assert (paper["td"]["white-space"], paper["td"]["overflow-wrap"]) == ("normal", "anywhere")
    assert paper[".scroll"]["background"] == "none"
    assert paper["table"]["break-inside"] == paper["tr"]["break-inside"] == "avoid"
