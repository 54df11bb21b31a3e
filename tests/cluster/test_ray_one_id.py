"""Answers of Ray's proxies carry one X-Request-Id: the client's, where it is sound, else one of ours."""

import asyncio
import warnings

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Ray's own
    from ray.serve._private.http_util import _apply_middlewares
from support.front import Front

from groupnl.cluster.again import Again, middlewares
from groupnl.cluster.service import Service
from groupnl.server.assembly import Place
from groupnl.server.config import ServeConfig

ID = b"x-request-id"
SENT = {"nothing": [], "sound": [(ID, b"a/1")], "unsound": [(ID, b"a b")], "two": [(ID, b"a/1"), (ID, b"b/2")]}


def _ids(app, given, ours=True):
    """The ids of an answer behind what Ray puts before its proxies' application; and those that the application saw."""
    seen, sent = [], []

    async def proxied(scope, receive, send):
        seen.extend(value for name, value in scope["headers"] if name == ID)
        await app(scope, receive, send)

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/ping", "http_version": "1.1", "headers": SENT[given]}
    asyncio.run(_apply_middlewares(proxied, middlewares() if ours else [])(scope, receive, send))
    return [value for name, value in sent[0]["headers"] if name.lower() == ID], seen


class _Started(Service):
    """A replica's service with a played application."""

    def __init__(self):
        super().__init__(ServeConfig(), Place())

    @property
    def _started(self):
        class Assembly:
            backend = Front()

        return Assembly


async def _refuses(scope, receive, send):
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _is_lost(scope, receive, send):
    pass


@pytest.mark.parametrize("app", [_Started().answer, _refuses, _is_lost], ids=["a replica", "the proxy", "Again"])
@pytest.mark.parametrize("given", SENT)
def test_one_id(app, given, monkeypatch):
    monkeypatch.setattr("groupnl.cluster.again.PAUSE_S", 0)
    ids, seen = _ids(app, given)
    assert len(ids) == 1
    assert set(seen) == set(ids)  # what the replica logs is what the client reads
    assert (ids[0] == b"a/1") == (given in ("sound", "two"))
    assert b" " not in ids[0]


@pytest.mark.parametrize("given", SENT)
def test_one_id_where_the_proxies_are_not_ours(given):
    assert len(_ids(_Started().answer, given, ours=False)[0]) == 1


def test_it_sees_also_what_others_of_ours_answer():
    """The last one is outermost."""
    assert middlewares()[-1].cls is not Again
