"""The playground in a real Chromium, as a person uses it; the workers are played."""

import asyncio
import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from support.browser import CHROMIUM, Page, chromium
from support.front import BAD, REFUSAL, Front, play
from support.playground_picture import give

from groupnl.corruptions.names import CELLS
from groupnl.errors import KillerError, QueueFullError
from groupnl.server.keys.keys import Keys
from groupnl.server.keys.secret import new_secret
from groupnl.server.pool.ticket import Ticket
from groupnl.server.web.exchange import Receive, Scope, Send
from groupnl.server.web.http_server import HttpServer
from groupnl.worker.wire import Part

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]

CLEAN = {"owl": 0.5, "cat": 0.375, "dog": 0.125}
FLIPPED = {"cat": 0.75, "owl": 0.25}
MODEL_HOLDS, TWIN_HOLDS = {1, 2}, {1, 3}  # at these severities of every corruption
OUTCOMES = {1: "both", 2: "model", 3: "twin", 4: "neither", 5: "neither"}
TEXT, MARK = 4.5, 3.0  # least contrast, WCAG 2.2, 1.4.3 and 1.4.11
BOTH = "document.querySelectorAll('.answer').length === 2"
FILLED = f"document.querySelectorAll('#sheet [data-outcome]').length === {len(CELLS)}"
VERDICTS = "[...document.querySelectorAll('.verdict')].map(each => each.textContent)"
FOCUS = "(document.activeElement.id || document.activeElement.getAttribute('aria-label') || '')"
# For each visible text, and each mark, of the page: what it is, and its contrast with what lies behind.
CONTRASTS = """(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, place) => sum + v * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const shown = [...document.querySelectorAll('body *')].filter((each) => each.checkVisibility());
  const texts = shown.filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const told = texts.map((each) => [each.textContent.trim().slice(0, 40),
    contrast(parse(getComputedStyle(each).color), behind(each))]);
  const marks = shown.filter((each) => each.matches('.mark')).map((each) => [each.parentElement.dataset.outcome,
    contrast(parse(getComputedStyle(each).borderTopColor), behind(each.parentElement))]);
  return { told, marks };
})()"""


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 60, 60)).save(file, "PNG")
    return file.getvalue()


PNG = _png()


def _player(holds: set[int]) -> Callable[[Ticket], None]:
    """What answers in place of workers: holds at these severities."""

    def answer(ticket: Ticket) -> None:
        facts = ticket.part.facts
        if "cells" not in facts or ticket.part.content == BAD:
            play(ticket)
        elif facts["shows_pixels"]:
            ticket.reply(Part({"status": 200}, PNG))
        else:
            ticket.reply(Part({"status": 200}, json.dumps(_robustness(facts["cells"], holds)).encode()))

    return answer


def _robustness(cells: list[tuple[str, int]], holds: set[int]) -> dict[str, object]:
    told = [
        {"corruption": name, "severity": severity, "holds": severity in holds}
        | {"classes": CLEAN if severity in holds else FLIPPED}
        for name, severity in cells
    ]
    return {"clean": CLEAN, "cells": told}


def _front(**options: Any) -> Front:
    front = Front(request_bytes=10_000, **options)
    front.pool.answers, front.twin_pool.answers = _player(MODEL_HOLDS), _player(TWIN_HOLDS)
    return front


class Stage:
    """A server whose application is exchanged for every test.

    Attributes:
        front: answers.
        address: of its page.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.front = Front()
        self.address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        self._server = HttpServer(self, listener)
        self._loop = asyncio.new_event_loop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.front.app(scope, receive, send)

    def run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._server.end)

    async def _serve(self) -> None:
        await self._server.serve()
        while self._server.connections:  # they wait until their clients are quiet
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Stage(listener)
        thread = threading.Thread(target=made.run)
        thread.start()
        yield made
        made.end()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Page:
    browser.shows()
    browser.problems.clear()
    browser.requests.clear()
    return browser


def _open(page: Page, stage: Stage, front: Front) -> None:
    stage.front = front
    page.open(stage.address)
    page.until("document.querySelector('#model').options.length")


def _sample(page: Page, stage: Stage, front: Front) -> None:
    _open(page, stage, front)
    page.run("document.querySelector('#sample').click()")
    page.until(BOTH)
    page.until(FILLED)


def _slide(page: Page, severity: int) -> None:
    page.run(
        f"(() => {{ const slider = document.querySelector('#severity'); slider.value = {severity};"
        "slider.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )


def test_the_sample_and_the_slider(page: Page, stage: Stage) -> None:
    front = _front(twin="cats")
    _sample(page, stage, front)
    assert page.run("[...document.querySelectorAll('.answer h3')].map(each => each.textContent)") == [
        "owls",
        "cats",
    ]
    assert page.run(VERDICTS) == ["Answers owl, 50.0\N{NO-BREAK SPACE}%."] * 2
    changed = "Changed: from owl to cat, 75.0\N{NO-BREAK SPACE}%."
    held = "Holds: owl, 50.0\N{NO-BREAK SPACE}% (clean 50.0\N{NO-BREAK SPACE}%)."
    for severity, verdicts in ((2, [held, changed]), (3, [changed, held]), (5, [changed, changed])):
        _slide(page, severity)
        page.until(f"{VERDICTS}.join() === {json.dumps(','.join(verdicts))}")
        page.until(f"document.querySelector('#spoilt-caption').textContent === 'fog, severity {severity}'")
        page.until("document.querySelector('#spoilt-picture').naturalWidth === 32")
    told = page.run("document.querySelector('#told').textContent")
    assert told == f"Fog, severity 5. owls: {changed} cats: {changed}"
    assert page.problems == []
    assert [url for url in page.requests if not url.startswith((stage.address, f"blob:{stage.address}"))] == []
    asked = [part.facts for part in front.twin_pool.parts if "cells" in part.facts]
    assert len(asked) == len({json.dumps(facts) for facts in asked}) == 19  # each row once, and no pixels


def test_the_sheet(page: Page, stage: Stage) -> None:
    _sample(page, stage, _front(twin="cats"))
    for severity, outcome in OUTCOMES.items():
        found = page.run(
            f"document.querySelectorAll('#sheet td:nth-child({severity + 1}) [data-outcome={outcome}]').length"
        )
        assert found == 19
    legend = page.run("[...document.querySelectorAll('#legend li')].map(each => each.textContent)")
    assert legend == ["both hold: 19", "only owls holds: 19", "only cats holds: 19", "neither holds: 38"]
    page.run("document.querySelector('[aria-label=\"snow, severity 2: only owls holds\"]').click()")
    page.until("document.querySelector('#spoilt-caption').textContent === 'snow, severity 2'")
    assert page.run("[document.querySelector('#corruption').value, document.querySelector('#severity').value]") == [
        "snow",
        "2",
    ]
    marks = page.run(
        "Object.fromEntries([...document.querySelectorAll('#legend li')].map(each => [each.dataset.outcome,"
        "getComputedStyle(each.firstChild).backgroundImage + getComputedStyle(each.firstChild).backgroundColor]))"
    )
    assert len(set(marks.values())) == 4  # by shape, whatever their colours look like


def test_without_a_twin(page: Page, stage: Stage) -> None:
    _open(page, stage, _front())
    page.run("document.querySelector('#sample').click()")
    page.until(FILLED)
    assert page.run("document.querySelectorAll('.answer').length") == 1
    legend = page.run("[...document.querySelectorAll('#legend li')].map(each => each.textContent)")
    assert legend == ["holds: 38", "changes: 57"]
    assert page.problems == []


def test_what_is_no_file(page: Page, stage: Stage) -> None:
    _open(page, stage, _front(twin="cats"))
    page.run("document.dispatchEvent(new DragEvent('drop', { dataTransfer: new DataTransfer(), bubbles: true }))")
    assert page.run("document.querySelector('#notice').textContent") == "That was no file; give one image."


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_an_image_that_is_given(page: Page, stage: Stage, way: str) -> None:
    front = _front(twin="cats")
    _open(page, stage, front)
    give(page, PNG, way)
    page.until(BOTH)
    page.until(FILLED)
    assert {part.content for part in front.pool.parts} == {PNG}


def test_what_the_service_refuses_is_told_in_its_words(page: Page, stage: Stage) -> None:
    _open(page, stage, _front(twin="cats"))
    give(page, BAD)
    page.until(f"document.querySelector('#error').textContent === {json.dumps(REFUSAL['message'])}")
    assert page.run("document.querySelector('#error').checkVisibility()")
    give(page, PNG)
    page.until(BOTH)
    page.until("!document.querySelector('#found').ariaBusy")
    assert not page.run("document.querySelector('#error').checkVisibility()")
    give(page, BAD)
    page.until("document.querySelector('#error').checkVisibility()")
    assert not page.run("document.querySelector('#found').checkVisibility()")  # of another image


def test_where_a_key_is_needed(page: Page, stage: Stage) -> None:
    secret, other = new_secret(), new_secret()
    stage.front = _front(twin="cats", keys=Keys(None, f"web predict {secret};ops manage {other}"))
    page.open(stage.address)
    page.until("document.querySelector('#error').textContent.startsWith('A key is needed')")
    for key, said in ((other, "it has not the scope predict"), ("wrong", "There is no such key.")):
        page.run("document.querySelector('#key').value = ''; document.querySelector('#key').focus()")
        page.write(key)
        page.press("Enter")
        page.until(f"document.querySelector('#error').textContent.includes({json.dumps(said)})")
    page.run("document.querySelector('#key').value = ''; document.querySelector('#key').focus()")
    page.write(secret)
    page.press("Enter")
    page.until("document.querySelector('#model').options.length")
    page.run("document.querySelector('#sample').click()")
    page.until(FILLED)
    assert not page.run("document.querySelector('#error').checkVisibility()")
    kept = "JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}, location.href])"
    assert secret not in page.run(kept)


def test_whoever_is_told_to_wait_waits(page: Page, stage: Stage) -> None:
    front = _front(twin="cats")
    _open(page, stage, front)
    front.pool.error = QueueFullError("Full.")
    page.run("document.querySelector('#sample').click()")
    page.until("document.querySelector('#notice').textContent.includes('trying again in 1 s')")
    front.pool.error = None
    page.until(BOTH)
    page.until("document.querySelector('#notice').textContent === ''")
    page.until(FILLED)


def test_a_twin_that_does_not_answer_is_left_out(page: Page, stage: Stage) -> None:
    front = _front(twin="cats")
    front.twin_pool.error = KillerError("It was its end.")
    _open(page, stage, front)
    page.run("document.querySelector('#sample').click()")
    page.until(FILLED)
    assert page.run("document.querySelectorAll('#answers > *').length") == 1
    about = "without its twin cats, which does not answer: It was its end."
    assert page.run("document.querySelector('#about').textContent") == about


def test_what_nobody_waits_for_is_not_asked_any_more(page: Page, stage: Stage) -> None:
    front = _front(twin="cats")
    held: list[Ticket] = []
    _open(page, stage, front)
    front.pool.answers = held.append
    give(page, PNG)
    page.until("document.querySelector('#notice').textContent === 'Asking ...'")
    while not held:
        page.run("0")
    front.pool.answers = _player(MODEL_HOLDS)
    give(page, PNG + b"another")
    page.until(BOTH)
    page.until(FILLED)
    while not all(ticket.answer.cancelled() for ticket in held):
        page.run("0")


def _tab_to(page: Page, wanted: str) -> None:
    for _ in range(12):
        page.press("Tab")
        assert (
            page.run(
                "getComputedStyle(document.activeElement.closest('.button') ?? document.activeElement).outlineStyle"
            )
            != "none"
        ), page.run(FOCUS)
        if page.run(FOCUS).startswith(wanted):
            return
    raise AssertionError(f"{wanted} is not reached by the tab key")


def test_by_keyboard_alone(page: Page, stage: Stage) -> None:
    _open(page, stage, _front(twin="cats"))
    _tab_to(page, "file")
    _tab_to(page, "sample")
    page.press("Enter")
    page.until(FILLED)
    _tab_to(page, "severity")
    page.press("ArrowRight", "ArrowRight")
    page.until("document.querySelector('#told').textContent.startsWith('Fog, severity 2.')")
    _tab_to(page, "fog, severity 2")  # the sheet is one stop, at the cell that is looked at
    page.press("ArrowUp", "ArrowRight")
    assert page.run(FOCUS) == "frost, severity 3: only cats holds"
    page.until("document.querySelector('#told').textContent.startsWith('Frost, severity 3.')")


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone(page: Page, stage: Stage, width: int) -> None:
    page.shows(width=width, height=700, phone=True)
    _sample(page, stage, _front(twin="a-model-with-a-name-that-is-rather-long_v2"))
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    outside = page.run(
        "[...document.querySelectorAll('body *')].filter(each => each.checkVisibility()"
        " && each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 90))"
    )
    assert outside == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_contrast(page: Page, stage: Stage, dark: bool) -> None:
    page.shows(dark=dark)
    _sample(page, stage, _front(twin="cats"))
    for severity in (0, 2):  # a clean verdict, one that holds and one that does not
        _slide(page, severity)
        page.until(f"document.querySelector('#severity-shown').textContent === '{severity or 'clean'}'")
        page.until(f"document.querySelectorAll('.verdict.clean').length === {0 if severity else 2}")
        found = page.run(CONTRASTS)
        assert len(found["told"]) > 40
        assert [each for each in found["told"] if each[1] < TEXT] == []
        assert len(found["marks"]) == len(CELLS) + 4
        assert [each for each in found["marks"] if each[1] < MARK] == []
