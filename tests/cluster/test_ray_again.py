"""A question whose replica has died is asked again, and no other one is."""

import asyncio
import json

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

from groupnl.cluster.again import TRIES, Again

LOST = []
HEAD_ALONE = [{"type": "http.response.start", "status": 200, "headers": []}]
WHOLE = [*HEAD_ALONE, {"type": "http.response.body", "body": b"body"}]
FAILED = [HEAD_ALONE[0] | {"status": 500}, WHOLE[1]]


def ask(*answers, client_goes=False):
    """What a client sees, and the bodies that were read, where the application answers so, one after the other."""
    coming, bodies, seen = iter(answers), [], []
    pieces = iter(
        [{"type": "http.request", "body": b"one ", "more_body": True}, {"type": "http.request", "body": b"two"}]
    )

    async def app(scope, receive, send):
        scope["headers"].append((b"x-request-id", b"1"))
        assert len(scope["headers"]) == 1, "each try has headers of its own"
        bodies.append((await receive())["body"] + (await receive())["body"])
        if client_goes:
            assert (await receive())["type"] == "http.disconnect"
        for message in next(coming):
            await send(message)

    async def receive():
        return next(pieces, {"type": "http.disconnect"})

    async def send(message):
        seen.append(message)

    asyncio.run(Again(app)({"type": "http", "headers": []}, receive, send))
    return seen, bodies


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch):
    monkeypatch.setattr("groupnl.cluster.again.PAUSE_S", 0)


@pytest.mark.parametrize("lost", [LOST, HEAD_ALONE])
def test_a_lost_answer_is_asked_for_again_with_the_same_body(lost):
    seen, bodies = ask(lost, WHOLE)
    assert seen == WHOLE
    assert bodies == [b"one two"] * 2


@pytest.mark.parametrize("answer", [WHOLE, FAILED])
def test_every_answer_is_passed_on(answer):
    assert ask(answer) == (answer, [b"one two"])


def test_nobody_asks_again_for_a_client_that_has_gone():
    assert ask(LOST, WHOLE, client_goes=True) == ([], [b"one two"])


def test_who_is_lost_again_and_again_is_told_so():
    seen, bodies = ask(*[LOST] * TRIES)
    assert seen[0]["status"] == 503
    assert json.loads(seen[1]["body"])["message"].startswith("The replicas that were asked have ended")
    assert len(bodies) == TRIES
