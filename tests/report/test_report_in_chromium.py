"""The page of groupnl report in a real Chromium: nothing but tables and pictures is wider than a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from support.browser import CHROMIUM, Page, chromium
from support.reported import count_cells, count_outcomes, samples_of
from support.reported_traffic import count_all

from groupnl.metrics import REQUESTS, Metrics
from groupnl.report.figures import figures_of
from groupnl.report.page import page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    metrics = Metrics("gnl_effnet_es", registry := CollectorRegistry())
    metrics.inc(REQUESTS, 5, code="200")
    count_cells(metrics)
    count_outcomes(metrics, "effnet_es")
    count_all(metrics)
    file = tmp_path_factory.mktemp("report") / "report.html"
    content = page([figures_of(samples_of(registry), "gnl_effnet_es")], "http://here", "since the start", "now")
    Path(file).write_text(content, encoding="utf-8")
    with chromium() as opened:
        opened.shows(width=360, height=700, phone=True)
        opened.open(file.as_uri())
        yield opened


def test_the_page_is_no_wider_than_a_phone(browser: Page) -> None:
    assert browser.run("document.documentElement.scrollWidth") == 360
    assert browser.problems == []
    assert all(address.startswith("file:") for address in browser.requests)


def test_nothing_is_cut_off_on_paper(browser: Page) -> None:
    browser.shows(width=703, paper=True)  # A4 within its margins, at 96 pixels an inch
    assert browser.run("document.documentElement.scrollWidth") == 703
    browser.shows(width=360, height=700, phone=True)


def test_words_in_pictures_lie_apart_on_a_phone(browser: Page) -> None:
    overlaps = browser.run(
        """[...document.querySelectorAll('svg')].flatMap((svg) => {
          const boxes = [...svg.querySelectorAll('text')].map((it) => [it.textContent, it.getBoundingClientRect()]);
          const whole = svg.getBoundingClientRect();
          const out = boxes.filter(([, box]) => box.left < whole.left - 1 || box.right > whole.right + 1);
          const pairs = boxes.flatMap((one, place) => boxes.slice(place + 1).map((other) => [one, other]));
          return [...out.map(([words]) => [words]), ...pairs.filter(([[, a], [, b]]) =>
            a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom
          ).map(([[one], [other]]) => [one, other])];
        })"""
    )
    assert overlaps == []
