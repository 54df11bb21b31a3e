"""Our server's HTTP application with workers that are played: what a protocol makes of a request and of its answers."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import httpx

from groupnl.archive.manifest import Manifest
from groupnl.card import InputConfig, ModelCard
from groupnl.server.keys.key import PREDICT
from groupnl.server.keys.keys import Keys
from groupnl.server.observed.account import Account
from groupnl.server.observed.watch import Watch
from groupnl.server.pool.models import Models, Version
from groupnl.server.pool.pool import Pool
from groupnl.server.pool.serving import Serving
from groupnl.server.pool.ticket import Ticket
from groupnl.server.web.app import App
from groupnl.server.web.arriving import Arriving
from groupnl.server.web.cors import Cors
from groupnl.server.web.door import Door
from groupnl.server.web.hosts import Hosts
from groupnl.server.web.limits import Limits
from groupnl.server.web.proxies import Proxies
from groupnl.server.web.routes import public_routes
from groupnl.server.web.state import State
from groupnl.worker import CODE
from groupnl.worker.wire import Part

CLASSES = ("cat", "dog", "owl")
SHARES = {"owl": 0.5, "cat": 0.375, "dog": 0.125}  # exact in four bytes
BAD = b"bad"  # an image that is refused
REFUSAL = {"code": "unsupported_type", "message": "This looks like text."}
QUEUE_SIZE = 10
REQUEST_BYTES = 3000
ARRIVING_BYTES = 1_000_000


class PlayedPool:
    """Answers every item at once, and keeps it.

    Attributes:
        parts: of the requests so far.
        workers: process numbers.
        error: raised for every request.
        answers: what becomes of a ticket.
    """

    waiting = 0

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.workers = [1]
        self.error: Exception | None = None
        self.answers: Callable[[Ticket], None] = play

    def hold(self) -> Callable[[], None]:
        return lambda: None

    def check_room(self) -> None:
        if self.error is not None:
            raise self.error

    def submit(self, parts: Sequence[Part], held: Callable[[], None] | None = None) -> list[Ticket]:
        if self.error is not None:
            raise self.error
        self.parts += parts
        tickets = [Ticket(part) for part in parts]
        for ticket in tickets:
            self.answers(ticket)
        return tickets


def play(ticket: Ticket) -> None:
    """As a worker answers."""
    if ticket.part.content == BAD:
        ticket.reply(Part({"status": 415, CODE: REFUSAL["code"]}, json.dumps(REFUSAL).encode()))
        return
    most = int(ticket.part.facts.get("x-top-k", 2))
    ticket.reply(Part({"status": 200}, json.dumps(dict(list(SHARES.items())[:most])).encode()))


class _Watch:
    def __init__(self) -> None:
        self.accounts: list[Account] = []

    def begin(self, account: Account) -> None: ...

    def end(self, account: Account) -> None:
        self.accounts.append(account)


class Front:
    """The application, with the model `owls`.

    Args:
        origins: of pages that may ask.
        keys: of clients.
        hosts: under which clients may ask.
        body_s: until a body is here.
        request_s: until a request is answered.
        request_bytes: of an image.
        playground: whether there is one.
        twin: name of a second model, which is the first one's twin.
        proxies: that may say who asks.

    Attributes:
        accounts: of the requests that have ended.
        pool: of the model.
        twin_pool: of its twin.
        state: of the server.
        models: the served ones.
        limits: of a request.
        watch: learns of every request.
        door: lets requests in.
        routes: its addresses.
        app: answers.
    """

    def __init__(
        self,
        *,
        origins: Sequence[str] = (),
        keys: Keys | None = None,
        hosts: Hosts | None = None,
        body_s: float = 5.0,
        request_s: float = 5.0,
        request_bytes: int = REQUEST_BYTES,
        playground: bool = True,
        twin: str | None = None,
        proxies: Proxies = Proxies(),  # noqa: B008 (immutable)
    ) -> None:
        self.pool, self.twin_pool = PlayedPool(), PlayedPool()
        self.state = State()
        self.models = Models()
        if twin is not None:
            self.models.add(_version(self.twin_pool, request_bytes, twin))
        self.models.add(_version(self.pool, request_bytes, twin=twin))
        self.limits = Limits(body_s, request_s, Arriving(ARRIVING_BYTES))
        watch = _Watch()
        self.watch, self.accounts = cast(Watch, watch), watch.accounts
        self.routes = public_routes(self.models, self.limits, self.state, playground=playground)
        self.door = Door(PREDICT, keys, hosts)
        self.app = App(self.routes, self.state, self.watch, self.door, Cors(origins), proxies)

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request; see `httpx.request`."""
        return asyncio.run(self._ask(method, path, request))

    async def _ask(self, method: str, path: str, request: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://front") as client:
            return await client.request(method, path, **request)


def _version(pool: PlayedPool, request_bytes: int, name: str = "owls", twin: str | None = None) -> Version:
    data = InputConfig(size=32, mean=(0, 0, 0), std=(1, 1, 1), crop_pct=1.0, interpolation="bilinear")
    card = ModelCard(architecture="none", classes=CLASSES, input=data)
    manifest = Manifest(model_name=name, version="1.0", card=card, weights="none", weights_sha256="0" * 64)
    serving = Serving(1, 8, 0.0, 10, QUEUE_SIZE, 10_000, request_bytes, twin)
    return Version(name, manifest, Path(f"{name}.mar"), "0" * 64, Path(), serving, cast(Pool, pool))
