"""groupnl report: can the page be read, by every eye, on a phone, in the dark, on paper, and by a screen reader?

What a browser would compute is computed here from the page's own HTML and CSS.
"""

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Gauge
from skimage.color import deltaE_ciede2000, rgb2lab
from support.reported import count_cells, count_outcomes, samples_of
from support.reported_traffic import STATISTICS, count_all

from groupnl import __version__
from groupnl.corruptions.names import NAMES
from groupnl.metrics import (
    BUILD_INFO,
    REQUESTS,
    Metrics,
)
from groupnl.report import charts, traffic_card
from groupnl.report.figures import figures_of, model_names
from groupnl.report.page import page
from groupnl.report.tables import builds_table

SERVED, TWIN = "gnl_es", "es"
TEXT, MARK = 4.5, 3.0  # least contrast, WCAG 2.2, 1.4.3 and 1.4.11
NEIGHBOURS, ENDS = 5.0, 60.0  # least CIEDE2000: one step of the map, or what is no step, and the whole ramp
STEPS = [f".step-{place}" for place in range(10)]
# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


# --- the page ---------------------------------------------------------------------------------------------------------


def _registry(name: str, reference: str = "") -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = Metrics(name, registry)
    metrics.inc(REQUESTS, 5, code="200")
    metrics.set(
        BUILD_INFO,
        1,
        version="1.0",
        arch=f"net_{name}",
        engine="aot",
        precision="bfloat16",
        torch="2.14.1+cpu",
        archive_sha256="0123456789abcdef" * 4,
    )
    count_cells(metrics)
    if reference:
        count_outcomes(metrics, reference)
    return registry


SAMPLES = samples_of(_registry(TWIN), _registry(SERVED, TWIN))
PAGE = page([figures_of(SAMPLES, name) for name in model_names(SAMPLES)], "http://here", "since the start", "now")


def _full() -> str:
    """A page with all that there can be."""
    registry = _registry(SERVED, TWIN)
    metrics = Metrics(SERVED, full := CollectorRegistry())
    count_all(metrics)
    return page([figures_of(samples_of(registry, full), SERVED)], "s", "p", "t")


PAGES = {"plain": PAGE, "full": _full()}


class Element(NamedTuple):
    """An element with its attributes, the elements around it, and the words in it."""

    tag: str
    attributes: dict[str, str | None]
    around: "list[Element]"
    words: list[str]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def inside(self, tag: str, kind: str | None = None) -> bool:
        return any(e.tag == tag and kind in (None, e.attributes.get("class")) for e in self.around)


class _Reader(HTMLParser):
    VOID = ("meta", "wbr")

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), list(self._open), [])
        self.elements.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs), list(self._open), []))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag
        for element in self._open:
            element.words.append(" " if tag in ("small", "b", "td", "th") else "")

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.words.append(data)


def _elements(*tags: str, content: str = PAGE) -> list[Element]:
    reader = _Reader()
    reader.feed(content)
    return [element for element in reader.elements if element.tag in tags]


# --- its style --------------------------------------------------------------------------------------------------------


def _rules(css: str) -> list[tuple[str, str, dict[str, str]]]:
    """Medium ("" for all), selector and declarations, in order."""
    found, medium = [], ""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    for head, body, end in re.findall(r"([^{}]*)\{(?:([^{}]*)\})?|(\})", css):
        if end:
            medium = ""
        elif head.strip().startswith("@media"):
            medium = head.strip()
        else:
            declared = dict(re.findall(r"([\w-]+)\s*:\s*([^;]+)", body))
            found += [(medium, selector.strip(), declared) for selector in head.split(",")]
    return found


CSS = PAGE.split("<style>")[1].split("</style>")[0]
RULES = _rules(CSS)
DARK = "@media screen and (prefers-color-scheme: dark)"
PRINT = "@media print"


def _declared(*media: str) -> dict[str, dict[str, str]]:
    """Selector -> what its rules for these media give it, the later over the earlier."""
    found: dict[str, dict[str, str]] = {}
    for medium, selector, declared in RULES:
        if medium in media:
            found.setdefault(selector, {}).update(declared)
    return found


class Theme:
    """The colours in the light or the dark."""

    def __init__(self, name: str) -> None:
        self._declared = _declared("", *[DARK] * (name == "dark"))

    def __call__(self, selector: str, what: str) -> str:
        """A colour, ``#rrggbb``."""
        value = self._declared[selector][what].strip()
        if value.startswith("var("):
            return self(":root", value[4:-1])
        return value if len(value) == 7 else "#" + "".join(2 * digit for digit in value[1:])

    def named(self, name: str) -> str:
        return self(":root", f"--{name}")


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> Theme:
    return Theme(request.param)


def _linear(colour: str) -> np.ndarray:
    encoded = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _contrast(one: str, other: str) -> float:
    low, high = sorted(float(_linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def _seen(colour: str, vision: str) -> np.ndarray:
    """CIELAB."""
    linear = np.clip(np.asarray(VISIONS[vision]) @ _linear(colour), 0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


def _difference(one: str, other: str, vision: str) -> float:
    return float(deltaE_ciede2000(_seen(one, vision), _seen(other, vision)))


def test_the_measures_are_right() -> None:
    assert _contrast("#ffffff", "#000000") == pytest.approx(21)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # WebAIM's checker
    red_and_green = [_difference("#ff0000", "#008000", vision) for vision in ("normal", "deuteranopia")]
    assert red_and_green[0] > 2 * red_and_green[1]


# --- colours ----------------------------------------------------------------------------------------------------------


def test_text_has_contrast(theme: Theme) -> None:
    pairs = [(text, on) for text in ("ink", "soft") for on in ("page", "card", "empty")]
    assert {pair: _contrast(*map(theme.named, pair)) >= TEXT for pair in pairs} == dict.fromkeys(pairs, True)
    assert theme(".none", "background") == theme.named("empty")


def test_text_in_the_map_has_contrast(theme: Theme) -> None:
    contrasts = {step: _contrast(theme(step, "color"), theme(step, "background")) for step in STEPS}
    assert min(contrasts.values()) >= TEXT, contrasts


def test_marks_have_contrast(theme: Theme) -> None:
    pairs = [(mark, "card") for mark in ("accent", "model", "reference", "soft", "ink")]
    pairs += [("ink", "tint"), ("accent", "tint"), ("reference", "tint")]
    assert {pair: _contrast(*map(theme.named, pair)) >= MARK for pair in pairs} == dict.fromkeys(pairs, True)


@pytest.mark.parametrize("content", PAGES.values(), ids=PAGES)
def test_nothing_is_drawn_pale(content: str) -> None:
    """Contrast is computed from declared colours, which transparency would change."""
    assert not re.search(r"opacity|rgba|hsla|color-mix|style=", content)


@pytest.mark.parametrize("vision", VISIONS)
def test_steps_of_the_map_can_be_told_apart(theme: Theme, vision: str) -> None:
    fills = [theme(step, "background") for step in STEPS]
    lightness = [_seen(fill, vision)[0] for fill in fills]
    assert lightness in (sorted(lightness), sorted(lightness, reverse=True))
    assert min(_difference(*pair, vision) for pair in pairwise(fills)) >= NEIGHBOURS
    assert _difference(fills[0], fills[-1], vision) >= ENDS
    none = [theme.named(name) for name in ("card", "empty")]
    assert min(_difference(fill, other, vision) for fill in fills for other in none) >= NEIGHBOURS


def test_no_step_of_the_map_praises(theme: Theme) -> None:
    """That many answers stay is no good news by itself: no step is green, nor any other hue between yellow and cyan."""
    for step in STEPS:
        _, green_to_red, _ = _seen(theme(step, "background"), "normal")
        assert green_to_red > 0


@pytest.mark.parametrize("vision", VISIONS)
def test_model_and_reference_can_be_told_apart(theme: Theme, vision: str) -> None:
    assert _difference(theme.named("model"), theme.named("reference"), vision) >= 20


@pytest.mark.parametrize("name", ["light", "dark"])
def test_what_fails_stands_out_from_the_page(name: str) -> None:
    theme = Theme(name)
    contrasts = [_contrast(theme(step, "background"), theme.named("card")) for step in STEPS]
    assert contrasts == sorted(contrasts, reverse=True)


# --- phone, paper -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", PAGES.values(), ids=PAGES)
def test_what_is_wide_is_scrolled_in_its_own_box(content: str) -> None:
    wide = _elements("table", "svg", content=content)
    assert {element.tag for element in wide} == {"table", "svg"}
    assert all(element.inside("div", "scroll") for element in wide)
    boxes = [element for element in _elements("div", content=content) if element.attributes.get("class") == "scroll"]
    # By keyboard, too; and a screen reader says what it is.
    assert all(box.attributes["tabindex"] == "0" and box.attributes["aria-label"] for box in boxes)
    declared = _declared("")
    assert declared[".scroll"]["overflow-x"] == "auto"
    assert declared["th:first-child"]["position"] == "sticky"
    assert declared["body"]["overflow-wrap"] == declared["th"]["overflow-wrap"] == "anywhere"  # names may be long
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
    assert "min-width" not in _declared("")["svg"]
    size = float(_declared("@media (max-width: 600px)")["svg text"]["font-size"].removesuffix("px"))
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
    paper = _declared(PRINT)
    assert paper["body"]["print-color-adjust"] == "exact"
    assert paper[".scroll"]["overflow"] == "visible"
    assert (paper["td"]["white-space"], paper["td"]["overflow-wrap"]) == ("normal", "anywhere")
    assert paper[".scroll"]["background"] == "none"
    assert paper["table"]["break-inside"] == paper["tr"]["break-inside"] == "avoid"


# --- tables and words -------------------------------------------------------------------------------------------------


# All models and builds; map, twin, its power, truth, shadows; the twin has no twin. Then of traffic what it carries,
# what that leads to expect, ranks, answers, classes and files; estimate, late labels; three of the candidate.
@pytest.mark.parametrize(("content", "number"), [(PAGE, 2 + 5 + 3), (PAGES["full"], 2 + 5 + 6 + 2 + 3)], ids=PAGES)
def test_tables_name_themselves_their_columns_and_their_rows(content: str, number: int) -> None:
    tables = _elements("table", content=content)
    assert len(tables) == number
    captions = [element for element in _elements("caption", content=content) if element.text]
    assert [caption.around[-1].tag for caption in captions] == ["table"] * len(tables)
    assert all(
        head.attributes["scope"] in (("col",) if head.inside("thead") else ("row", "rowgroup"))
        for head in _elements("th", content=content)
    )
    assert all(head.text for head in _elements("th", content=content))
    assert "<tr><td" not in content  # each row begins with its name


def test_intervals_are_text() -> None:
    (cell, *_) = [cell for cell in _elements("td") if "step-" in (cell.attributes.get("class") or "")]
    assert cell.text == "75 % 53 to 89 % n = 20"  # Wilson's, of 15 among 20
    assert cell.attributes["class"] == "step-7 few"
    assert "title=" not in PAGE
    assert PAGE.count("<title>") == 1
    assert "fog 25 % 11 to 47 % 200 19 % to 100.0 % 100" in [row.text for row in _elements("tr")]  # the probe set's


def test_all_models_come_first_and_the_twin_last() -> None:
    assert model_names(SAMPLES) == [SERVED, TWIN]
    summary = [row.text for row in _elements("tr") if row.around[-1].tag == "tbody"][:2]
    assert summary == [
        f"{SERVED} 75 % 73 to 77 % 1,900 not decided 5 -",
        f"{TWIN} 75 % 73 to 77 % 1,900 twin of {SERVED} 5 -",
    ]
    addresses = [link.attributes["href"] for link in _elements("a")]
    assert addresses == [f"#{head.attributes['id']}" for head in _elements("h2")]


def test_models_that_share_a_twin_come_before_it() -> None:
    samples = samples_of(_registry("es"), _registry("zoo"), _registry("mono_es", "es"), _registry("gnl_es", "es"))
    names = model_names(samples)
    assert sorted(names) == ["es", "gnl_es", "mono_es", "zoo"]
    assert names.index("gnl_es") < names.index("es") > names.index("mono_es")


def test_it_is_told_what_was_served_and_who_wrote_the_page() -> None:
    rows = [row.text for row in _elements("tr")]
    assert f"{SERVED} net_{SERVED} aot bfloat16 2.14.1+cpu 1.0 0123456789abcdef…" in rows
    (told,) = [element.text for element in _elements("p") if element.text.startswith("Counted")]
    assert told == f"Counted since the start; read from http://here at now by groupnl {__version__}."


def test_a_model_that_changed_has_several_builds() -> None:
    registry = _registry(SERVED)
    Metrics(SERVED, other := CollectorRegistry()).set(
        BUILD_INFO, 1, version="2.0", arch="n", engine="eager", precision="float32", torch="2.14.0", archive_sha256=""
    )
    figures = figures_of(samples_of(registry, other), SERVED)
    builds = figures.builds
    assert f"<b>2 archives</b> answered as {SERVED} in this time" in page([figures], "s", "p", "t")
    assert "archives</b>" not in page([figures_of(samples_of(registry), SERVED)], "s", "p", "t")
    assert [(build.version, build.engine, build.torch) for build in builds] == [
        ("2.0", "eager", "2.14.0"),
        ("1.0", "aot", "2.14.1+cpu"),
    ]


def test_a_service_that_does_not_tell_its_torch_is_read() -> None:
    metrics = CollectorRegistry()
    labels = {"model": SERVED, "version": "1.0", "arch": "n", "engine": "eager", "precision": "float32"}
    Gauge(BUILD_INFO.name, "of an older groupnl", list(labels), registry=metrics).labels(**labels).set(1)
    figures = figures_of(samples_of(metrics), SERVED)
    assert [build.torch for build in figures.builds] == [""]
    assert re.search("float32.*not known.*1.0.*not known", builds_table([figures]))
