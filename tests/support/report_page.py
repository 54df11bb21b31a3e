"""A report's page, with little in it and with all that there can be, as its HTML and its style have it."""

import re
from html.parser import HTMLParser
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from support.reported import count_cells, count_outcomes, samples_of
from support.reported_traffic import count_all

from groupnl.metrics import BUILD_INFO, REQUESTS, Metrics
from groupnl.report.figures import figures_of, model_names
from groupnl.report.page import page

SERVED, TWIN = "gnl_es", "es"


def counted(name: str, reference: str = "") -> CollectorRegistry:
    """What a service has counted of a model, and of it beside another one."""
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


SAMPLES = samples_of(counted(TWIN), counted(SERVED, TWIN))
PAGE = page([figures_of(SAMPLES, name) for name in model_names(SAMPLES)], "http://here", "since the start", "now")


def _full() -> str:
    """With all that there can be."""
    metrics = Metrics(SERVED, traffic := CollectorRegistry())
    count_all(metrics)
    return page([figures_of(samples_of(counted(SERVED, TWIN), traffic), SERVED)], "s", "p", "t")


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


def elements(*tags: str, content: str = PAGE) -> list[Element]:
    """Those of a page with one of these names, in order."""
    reader = _Reader()
    reader.feed(content)
    return [element for element in reader.elements if element.tag in tags]


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
            its = dict(re.findall(r"([\w-]+)\s*:\s*([^;]+)", body))
            found += [(medium, selector.strip(), its) for selector in head.split(",")]
    return found


CSS = PAGE.split("<style>")[1].split("</style>")[0]
RULES = _rules(CSS)
DARK = "@media screen and (prefers-color-scheme: dark)"
PRINT = "@media print"


def declared(*media: str) -> dict[str, dict[str, str]]:
    """Selector -> what its rules for these media give it, the later over the earlier."""
    found: dict[str, dict[str, str]] = {}
    for medium, selector, its in RULES:
        if medium in media:
            found.setdefault(selector, {}).update(its)
    return found
