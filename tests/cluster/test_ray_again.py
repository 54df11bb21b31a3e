"""A question whose replica has died is asked again, and no other one is."""

import asyncio
import json

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

from groupnl.cluster.again import REPLICA_HEADER, TRIES, Again

SCOPE = {"type": "http", "headers": []}
OURS = (REPLICA_HEADER.encode(), b"r1")


def ask(*answers):
    """What a client sees, and the bodies that were read, where the application answers so, one after the other."""
    coming, bodies, seen = iter(answers), [], []
    pieces = iter([(b"one ", True), (b"two", False)])

    async def app(scope, receive, send):
        scope["headers"].append((b"x-request-id", b"1"))
        first, second = await receive(), await receive()
        bodies.append(first["body"] + second["body"])
        status, headers = next(coming)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"body"})

    async def receive():
        body, more = next(pieces)
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(message):
        seen.append(message)

    asyncio.run(Again(app)(SCOPE | {"headers": []}, receive, send))
    return seen, bodies


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch):
    monkeypatch.setattr("groupnl.cluster.again.PAUSE_S", 0)


def test_a_lost_answer_is_asked_for_again_with_the_same_body():
    seen, bodies = ask((500, []), (200, [OURS]))
    assert [message.get("status") for message in seen] == [200, None]
    assert bodies == [b"one two"] * 2


@pytest.mark.parametrize("answer", [(200, [OURS]), (500, [OURS]), (503, []), (408, []), (404, [OURS])])
def test_every_other_answer_is_passed_on(answer):
    seen, bodies = ask(answer)
    assert seen[0]["status"] == answer[0]
    assert len(bodies) == 1


def test_who_is_lost_again_and_again_is_told_so():
    seen, bodies = ask(*[(500, [])] * TRIES)
    assert seen[0]["status"] == 503
    assert json.loads(seen[1]["body"])["message"].startswith("The replicas that were asked have ended")
    assert len(bodies) == TRIES
