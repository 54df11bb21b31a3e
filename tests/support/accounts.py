"""Accounts of requests for tests, with known times."""

import asyncio

from groupnl.metrics import RAW
from groupnl.server.observed.account import Account
from groupnl.server.pool.ticket import Ticket
from groupnl.worker.wire import Part


def begun(headers: dict[str, str] | None = None, path: str = "/predictions/tiny") -> Account:
    """A request whose first byte came at 100 s."""
    return Account.open("PUT", path, "127.0.0.1", headers or {}, began=100.0)


def answered(status: int, code: str = "", model: str = "tiny", headers: dict[str, str] | None = None) -> Account:
    """A request of 2 s: half a second to arrive, a quarter in the queue, a second with the worker.

    Of that an eighth is the way there, an eighth decoding, half of it the network.
    """
    account = begun(headers)
    account.protocol, account.model, account.version = RAW, model, "1.0"
    account.key = "web"
    account.status, account.code, account.bytes_in, account.bytes_out = status, code, 1000, 160
    account.read = 100.5
    account.tickets = [_ticket(100.5, 100.75, 101.75)]
    account.ended = 102.0
    return account


def _ticket(submitted: float, taken: float, answered: float) -> Ticket:
    async def make() -> Ticket:
        stages = (taken + 0.125, taken + 0.25, taken + 0.75)
        return Ticket(Part({}), submitted=submitted, taken=taken, answered=answered, stages=stages)

    return asyncio.run(make())
