"""`/corrupt` and `/robustness`: what a worker is asked, and what is refused before."""

import asyncio
from typing import Any

import httpx
import pytest
from support.front import BAD, QUEUE_SIZE, REFUSAL, Front

from groupnl.errors import QueueFullError
from groupnl.server.pool.ticket import Ticket
from groupnl.server.web.trials import PART_OF_QUEUE
from groupnl.worker.wire import Part

IMAGE = b"\xff\xd8\xffan image"
MOST = QUEUE_SIZE // PART_OF_QUEUE
PIXELS = b"\x89PNG of a worker"


def ask(path: str, front: Front | None = None, **request: Any) -> httpx.Response:
    return (front or Front()).ask("POST", path, **{"content": IMAGE, **request})


def _facts(path: str, **request: Any) -> dict[str, Any]:
    front = Front()
    assert ask(path, front, **request).status_code == 200
    (part,) = front.pool.parts
    assert part.content == IMAGE
    return part.facts


def test_the_pixels_under_a_cell() -> None:
    front = Front()
    front.pool.answers = lambda ticket: ticket.reply(Part({"status": 200}, PIXELS))
    answer = ask("/corrupt/owls?corruption=fog&severity=3&seed=7", front)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/png", PIXELS)
    assert answer.headers["x-model-version"] == "1.0"
    assert front.pool.parts[0].facts == {"cells": [("fog", 3)], "seed": 7, "shows_pixels": True}


def test_the_pixels_as_they_are() -> None:
    assert _facts("/corrupt/owls/1.0") == {"cells": [], "seed": None, "shows_pixels": True}


def test_the_answers_at_every_severity() -> None:
    facts = _facts("/robustness/owls?corruption=snow", headers={"X-Top-K": "3", "X-Request-Key": "k"})
    cells = [("snow", severity) for severity in (1, 2, 3, 4, 5)]
    assert facts == {"x-top-k": "3", "x-request-key": "k", "cells": cells, "seed": None, "shows_pixels": False}


def test_the_answers_at_one_severity() -> None:
    assert _facts("/robustness/owls/1.0?corruption=snow&severity=2&seed=0")["cells"] == [("snow", 2)]


def test_a_form_brings_the_image_too() -> None:
    front = Front()
    assert ask("/robustness/owls?corruption=fog", front, content=None, files={"any": IMAGE}).status_code == 200
    assert front.pool.parts[0].content == IMAGE


@pytest.mark.parametrize("path", ["/corrupt/owls?corruption=fog&severity=3", "/robustness/owls?corruption=fog"])
def test_what_a_worker_refuses(path: str) -> None:
    answer = ask(path, content=BAD)
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/json")
    assert answer.json() == REFUSAL


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/corrupt/owls?corruption=fog", "both"),
        ("/corrupt/owls?severity=3", "both"),
        ("/robustness/owls", "corruption=fog"),
        ("/robustness/owls?severity=3", "corruption=fog"),
        ("/robustness/owls?corruption=", "corruption in the address is ''"),
        ("/robustness/owls?corruption=Fog", "'Fog'"),
        ("/robustness/owls?corruption=fog&severity=0", "1 to 5"),
        ("/robustness/owls?corruption=fog&severity=6", "1 to 5"),
        ("/robustness/owls?corruption=fog&severity=%D9%A3", "1 to 5"),
        ("/robustness/owls?corruption=fog&seed=-1", "whole number"),
        ("/robustness/owls?corruption=fog&seed=" + "9" * 19, "whole number"),
        ("/robustness/owls?corruption=fog&corruption=snow", "twice"),
        ("/robustness/owls?corruption=fog&level=3", "'level'"),
    ],
)
def test_addresses_that_cannot_be_used(path: str, said: str) -> None:
    answer = ask(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert said in answer.json()["message"]


def test_a_part_of_the_queue_and_no_more() -> None:
    front = Front()
    waiting: list[Ticket] = []
    front.pool.answers = waiting.append

    async def ask_all() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=front.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://front") as client:
            path = "/robustness/owls?corruption=fog"
            tasks = [asyncio.create_task(client.post(path, content=IMAGE)) for _ in range(MOST)]
            while len(waiting) < MOST:
                await asyncio.sleep(0)
            refused = await client.post(path, content=IMAGE)
            for ticket in waiting:
                ticket.reply(Part({"status": 200}, b"{}"))
            answered = await asyncio.gather(*tasks)
            front.pool.answers = lambda ticket: ticket.reply(Part({"status": 200}, b"{}"))
            return [refused, *answered, await client.post(path, content=IMAGE)]

    refused, *answered = asyncio.run(ask_all())
    assert (refused.status_code, refused.json()["code"]) == (503, QueueFullError.code)
    assert int(refused.headers["retry-after"]) >= 1
    assert [answer.status_code for answer in answered] == [200] * (MOST + 1)


def test_a_deadline_counts() -> None:
    front = Front()
    front.pool.answers = lambda ticket: None
    answer = ask("/robustness/owls?corruption=fog", front, headers={"X-Request-Timeout-Ms": "10"})
    assert (answer.status_code, answer.json()["code"]) == (504, "deadline")
