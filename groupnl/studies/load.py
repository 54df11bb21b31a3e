"""A load generator: cheap enough to share a machine with the service that it asks.

It runs in a process of its own (`LoadProcess`), so that the caller's work does not delay it.
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from http import HTTPStatus
from multiprocessing import get_context
from types import TracebackType
from typing import Any, NamedTuple, Self

from groupnl.studies.client import Connection, Request

RAMP_S = 0.5  # the first answers of a closed loop are not counted: the batches are not full yet


class Outcome(NamedTuple):
    """What came of a load.

    Attributes:
        seconds: that were counted.
        latencies_s: of each answer with status 200, from the moment at which its request was due.
        failures: other answers, and broken connections.
    """

    seconds: float
    latencies_s: list[float]
    failures: int

    @property
    def throughput(self) -> float:
        """Answers with status 200 a second."""
        return len(self.latencies_s) / self.seconds

    def quantile_s(self, share: float) -> float:
        """Latency that this share of the answers did not exceed (the nearest rank)."""
        ordered = sorted(self.latencies_s)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


async def ask_all(port: int, requests: Sequence[bytes], connections: int) -> Outcome:
    """Send every request once, over so many connections, each as soon as one is free."""
    waiting = iter(requests)
    tally = _Tally()
    start = time.perf_counter()

    async def work(connection: Connection) -> None:
        for request in waiting:
            await tally.ask(connection, request, time.perf_counter())

    await _with_connections(port, connections, work)
    return tally.outcome(time.perf_counter() - start)


async def closed_loop(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Outcome:
    """Keep the service saturated: each connection sends its next request as soon as it has its answer."""
    start = time.perf_counter() + RAMP_S
    tally = _Tally()

    async def work(connection: Connection, offset: int) -> None:
        number = offset
        while (due := time.perf_counter()) < start + seconds:
            await tally.ask(connection, requests[number % len(requests)], due, since=start, until=start + seconds)
            number += connections

    offsets = iter(range(connections))
    await _with_connections(port, connections, lambda connection: work(connection, next(offsets)))
    return tally.outcome(seconds)


async def open_loop(
    port: int, requests: Sequence[bytes], connections: int, seconds: float, rate: float, seed: int
) -> Outcome:
    """Send at a given rate, whatever the answers do: independent clients, with exponential times between requests.

    Args:
        port: of the service, on this machine.
        requests: sent in turn.
        connections: most requests under way at a time; one that finds none free waits, and its latency says so.
        seconds: how long.
        rate: requests a second.
        seed: of the times; the same seed gives the same schedule.
    """
    offsets = schedule(rate, seconds, seed)
    start = time.perf_counter() + 0.1
    due = iter(enumerate(start + offset for offset in offsets))
    tally = _Tally()

    async def work(connection: Connection) -> None:
        for number, moment in due:
            await asyncio.sleep(moment - time.perf_counter())
            await tally.ask(connection, requests[number % len(requests)], moment)

    await _with_connections(port, connections, work)
    return tally.outcome(seconds)


def schedule(rate: float, seconds: float, seed: int) -> list[float]:
    """Moments of a Poisson process, in seconds from its start."""
    rng = random.Random(seed)  # noqa: S311 (a schedule, no secret)
    moments, moment = [], rng.expovariate(rate)
    while moment < seconds:
        moments.append(moment)
        moment += rng.expovariate(rate)
    return moments


class LoadProcess:
    """The load generator, in a process of its own; its methods are the functions of their names."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def ask_all(self, port: int, requests: Sequence[Request], connections: int) -> Outcome:
        """Every request once."""
        return self._run(ask_all, port, requests, connections)

    def closed_loop(self, port: int, requests: Sequence[Request], connections: int, seconds: float) -> Outcome:
        """As many as the service answers."""
        return self._run(closed_loop, port, requests, connections, seconds)

    def open_loop(
        self, port: int, requests: Sequence[Request], connections: int, seconds: float, rate: float, seed: int
    ) -> Outcome:
        """A given rate."""
        return self._run(open_loop, port, requests, connections, seconds, rate, seed)

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(
        self, load: Callable[..., Awaitable[Outcome]], port: int, requests: Sequence[Request], *rest: Any
    ) -> Outcome:
        return self._pool.submit(_in_process, load, port, [request.encode() for request in requests], *rest).result()


def _in_process(load: Callable[..., Any], *arguments: Any) -> Outcome:
    outcome: Outcome = asyncio.run(load(*arguments))
    return outcome


class _Tally:
    """Counts answers."""

    def __init__(self) -> None:
        self._latencies_s: list[float] = []
        self._failures = 0

    async def ask(
        self, connection: Connection, request: bytes, due: float, since: float = 0.0, until: float = math.inf
    ) -> None:
        """Ask, and count the answer if it comes between two moments."""
        try:
            good = await connection.ask(request) == HTTPStatus.OK
        except (OSError, EOFError):
            good = False
        now = time.perf_counter()
        if not good:
            self._failures += 1
        elif since <= now <= until:
            self._latencies_s.append(now - due)

    def outcome(self, seconds: float) -> Outcome:
        """What was counted in so many seconds."""
        return Outcome(seconds, self._latencies_s, self._failures)


async def _with_connections(port: int, count: int, work: Callable[[Connection], Awaitable[None]]) -> None:
    connections = [Connection(port) for _ in range(count)]
    try:
        await asyncio.gather(*(work(connection) for connection in connections))
    finally:
        for connection in connections:
            await connection.close()
