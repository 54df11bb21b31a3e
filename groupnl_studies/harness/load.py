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
from typing import Any, NamedTuple

from groupnl.base.child_process import end_with_parent
from groupnl_studies.harness.client import Connection, Request
from groupnl_studies.harness.closed import Closed

RAMP_S = 0.5  # the first answers of a closed loop are not counted: the batches are not full yet
LEAST_ANSWERS = 10  # that a steady loop waits for: a rate and a median of fewer say little


class Outcome(NamedTuple):
    """What came of a load.

    Attributes:
        seconds: that were counted.
        latencies_s: of each answer with status 200, from the moment at which its request was due.
        failures: other answers, and broken connections.
        answers: with status 200 altogether, those before and after the counted seconds too.
    """

    seconds: float
    latencies_s: list[float]
    failures: int
    answers: int = 0

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
            await tally.ask(connection, requests[number % len(requests)], due)
            number += connections

    offsets = iter(range(connections))
    await _with_connections(port, connections, lambda connection: work(connection, next(offsets)))
    return tally.outcome(seconds, since=start)


async def steady_loop(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Outcome:
    """Like `closed_loop`, for services of any speed.

    Counting begins when every connection has had an answer, however long that takes: where many wait for a slow
    service, the first answers come from a queue that is still short. And it lasts until `LEAST_ANSWERS` have come.
    """
    begin = time.perf_counter() + RAMP_S
    first = [False] * connections
    tally = _Tally()
    start, counted_before = math.inf, 0

    def over(now: float) -> bool:
        return now >= start + seconds and tally.count - counted_before >= LEAST_ANSWERS

    async def work(connection: Connection, offset: int) -> None:
        nonlocal start, counted_before
        number = offset
        while not over(due := time.perf_counter()):
            await tally.ask(connection, requests[number % len(requests)], due)
            first[offset] = True
            if start == math.inf and all(first) and (now := time.perf_counter()) >= begin:
                start, counted_before = now, tally.count
            number += connections

    offsets = iter(range(connections))
    await _with_connections(port, connections, lambda connection: work(connection, next(offsets)))
    return tally.outcome(max(seconds, tally.time_of(LEAST_ANSWERS, start)), since=start)


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


class LoadProcess(Closed):
    """The load generator, in a process of its own; its methods are the functions of their names."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=end_with_parent)

    def ask_all(self, port: int, requests: Sequence[Request], connections: int) -> Outcome:
        """Every request once."""
        return self._run(ask_all, port, requests, connections)

    def closed_loop(self, port: int, requests: Sequence[Request], connections: int, seconds: float) -> Outcome:
        """As many as the service answers."""
        return self._run(closed_loop, port, requests, connections, seconds)

    def steady_loop(self, port: int, requests: Sequence[Request], connections: int, seconds: float) -> Outcome:
        """As many as the service answers, when all connections wait for it."""
        return self._run(steady_loop, port, requests, connections, seconds)

    def cpu_s(self) -> float:
        """Processor time that the process has used so far, seconds."""
        return self._pool.submit(time.process_time).result()

    def open_loop(
        self, port: int, requests: Sequence[Request], connections: int, seconds: float, rate: float, seed: int
    ) -> Outcome:
        """A given rate."""
        return self._run(open_loop, port, requests, connections, seconds, rate, seed)

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown()

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
        self._answers: list[tuple[float, float]] = []  # when it came, and its latency
        self._failures = 0

    async def ask(self, connection: Connection, request: bytes, due: float) -> None:
        """Ask, and note the answer."""
        try:
            good = await connection.ask(request) == HTTPStatus.OK
        except (OSError, EOFError):
            good = False
        now = time.perf_counter()
        if good:
            self._answers.append((now, now - due))
        else:
            self._failures += 1

    @property
    def count(self) -> int:
        """Answers and failures so far."""
        return len(self._answers) + self._failures

    def time_of(self, number: int, start: float) -> float:
        """Seconds from `start` to the answer of that number after it, or to the last one if there are fewer."""
        after = sorted(moment - start for moment, _ in self._answers if moment >= start)
        return max(after[:number], default=0.0)

    def outcome(self, seconds: float, since: float | None = None) -> Outcome:
        """What came in so many seconds; without `since`, all of it."""
        counted = [latency for moment, latency in self._answers if since is None or since <= moment <= since + seconds]
        return Outcome(seconds, counted, self._failures, len(self._answers))


async def _with_connections(port: int, count: int, work: Callable[[Connection], Awaitable[None]]) -> None:
    connections = [Connection(port) for _ in range(count)]
    try:
        await asyncio.gather(*(work(connection) for connection in connections))
    finally:
        for connection in connections:
            await connection.close()
