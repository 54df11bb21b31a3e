"""The items of one model that wait for a worker: bounded in number and bytes, and taken in batches."""

import asyncio
import functools
import math
from collections.abc import Callable, Sequence
from contextlib import suppress

from groupnl.errors import QueueFullError
from groupnl.server.pool.ticket import Ticket


class Backlog:
    """A queue whose items leave it when nobody waits for them any more.

    Args:
        most: items.
        most_bytes: of their images together; one request alone may have more.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._waiting: dict[Ticket, None] = {}  # in order
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def size(self) -> int:
        """Bytes of the images that wait."""
        return self._bytes

    def put(self, tickets: Sequence[Ticket]) -> None:
        """Take the items of one request in: all of them, or none.

        Raises:
            QueueFullError: there is no room for them.
        """
        self.check_room(len(tickets), sum(ticket.size for ticket in tickets))
        for ticket in tickets:
            self._add(ticket)
            ticket.answer.add_done_callback(functools.partial(self._leave, ticket))

    def check_room(self, count: int = 1, size: int = 0) -> None:
        """Refuse so many items, of so many bytes, where there is no room for them.

        Raises:
            QueueFullError: there is none.
        """
        waiting = len(self._waiting)
        if waiting + count > self._most or (waiting and self._bytes + size > self._most_bytes):
            raise QueueFullError(f"Too many requests wait for this model ({waiting}); try again soon.")

    def put_back(self, tickets: Sequence[Ticket]) -> None:
        """Take items in again whose worker has died, before all others; there is always room for them."""
        others = list(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        for ticket in (*tickets, *others):
            self._add(ticket)

    async def take(self, most: int, patience_s: Callable[[], float]) -> list[Ticket]:
        """The next batch, waited for.

        Trials come when nothing else waits; `Ticket.is_alone` says what is a batch of its own.

        Args:
            most: items.
            patience_s: tells how long the first one may wait for others; asked when it is there, and again when
                there is a reason to: 0 as soon as there is nobody to wait for.
        """
        async with self._one_at_a_time:
            while True:
                await self._until(1)
                if not self._in_turn()[0].is_alone and (seconds := patience_s()):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(seconds):
                            await self._until(most, patience_s)
                if batch := self._pop(most):
                    return batch

    def look_again(self) -> None:
        """Perhaps there is nobody to wait for any more."""
        self._arrived.set()

    def close(self, error: Exception) -> None:
        """Refuse everything that waits."""
        for ticket in list(self._waiting):
            ticket.fail(error)

    def _add(self, ticket: Ticket) -> None:
        if not ticket.answer.done():
            self._waiting[ticket] = None
            self._bytes += ticket.size
            self._arrived.set()

    def _leave(self, ticket: Ticket, _: object) -> None:
        self._drop(ticket)

    def _drop(self, ticket: Ticket) -> None:
        if ticket in self._waiting:
            del self._waiting[ticket]
            self._bytes -= ticket.size

    def _pop(self, most: int) -> list[Ticket]:
        batch: list[Ticket] = []
        for ticket in self._in_turn()[:most]:
            if ticket.is_alone and batch:
                break
            self._drop(ticket)
            batch.append(ticket)
            if ticket.is_alone:
                break
        return batch

    def _in_turn(self) -> list[Ticket]:
        return sorted(self._waiting, key=lambda ticket: ticket.is_trial)  # each kind in its order

    async def _until(self, count: int, patience_s: Callable[[], float] = lambda: math.inf) -> None:
        while len(self._waiting) < count and patience_s():
            self._arrived.clear()
            await self._arrived.wait()
