"""groupnl_studies.harness.load against a small server whose answers and delays are known."""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from groupnl_studies.harness import load
from groupnl_studies.harness.client import Connection, Request

DELAY_S = 0.02


class Answering:
    """A server on a free port: answers after a while, one request at a time; `/bad` gets 500, `/hangup` nothing."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.open = 0
        self._turn = asyncio.Lock()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await self._answer(await reader.readuntil(b"\r\n\r\n"), reader, writer):
                pass
        except asyncio.IncompleteReadError:
            pass  # the client has closed
        finally:
            writer.close()
            self.open -= 1

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self.seen.append(head + await reader.readexactly(length))
        if head.startswith(b"PUT /hangup"):
            return False
        async with self._turn:
            await asyncio.sleep(DELAY_S)
        status = b"500 Oops" if head.startswith(b"PUT /bad") else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\nX: y\r\n\r\n{}")
        return True


def with_server(work: Callable[[int, Answering], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        answering = Answering()
        server = await asyncio.start_server(answering, "127.0.0.1", 0)
        async with server:
            result = await work(server.sockets[0].getsockname()[1], answering)
            while answering.open:
                await asyncio.sleep(0.001)
        return result

    return asyncio.run(run())


def encoded(path: str) -> bytes:
    return Request(path, b"pixels", (("X-Label", "cat"),)).encode()


def test_every_request_is_sent_once_over_connections_that_stay_open() -> None:
    async def work(port: int, answering: Answering) -> tuple[load.Outcome, list[bytes]]:
        requests = [encoded(f"/{number}") for number in range(6)]
        return await load.ask_all(port, requests, 3), answering.seen

    outcome, seen = with_server(work)
    assert len(outcome.latencies_s) == 6
    assert outcome.failures == 0
    assert sorted(request.split(b" ")[1] for request in seen) == [b"/0", b"/1", b"/2", b"/3", b"/4", b"/5"]
    assert all(request.endswith(b"\r\nX-Label: cat\r\n\r\npixels") for request in seen)


def test_other_answers_and_broken_connections_are_failures_and_the_next_request_gets_a_new_connection() -> None:
    async def work(port: int, answering: Answering) -> load.Outcome:
        return await load.ask_all(port, [encoded(path) for path in ("/bad", "/hangup", "/good")], 1)

    outcome = with_server(work)
    assert (len(outcome.latencies_s), outcome.failures) == (1, 2)


def test_nobody_there() -> None:
    async def ask() -> int:
        return await Connection(9).ask(encoded("/"))

    with pytest.raises(OSError, match="Connect call failed"):
        asyncio.run(ask())


def test_latency_counts_from_the_moment_a_request_was_due() -> None:
    """At twice the rate that the server can answer a queue builds up; service times alone would not show it."""

    async def work(port: int, answering: Answering) -> load.Outcome:
        return await load.open_loop(port, [encoded("/")], 4, seconds=0.8, rate=2 / DELAY_S, seed=1)

    outcome = with_server(work)
    assert len(outcome.latencies_s) == len(load.schedule(2 / DELAY_S, 0.8, 1))
    assert outcome.quantile_s(0.99) > 10 * DELAY_S
    assert outcome.quantile_s(0.99) >= outcome.quantile_s(0.5) >= DELAY_S


def test_a_closed_loop_measures_what_the_server_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "RAMP_S", 0.0)

    async def work(port: int, answering: Answering) -> tuple[load.Outcome, int]:
        return await load.closed_loop(port, [encoded("/")], 4, seconds=0.6), len(answering.seen)

    outcome, asked = with_server(work)
    assert 4 < outcome.answers == asked
    assert asked - 4 <= len(outcome.latencies_s) <= asked  # four were under way at the end
    assert outcome.throughput <= 1.05 / DELAY_S


def test_a_steady_loop_counts_when_all_connections_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four connections wait for one another, but the first answer came after one's time, the second after two's, ..."""
    monkeypatch.setattr(load, "RAMP_S", 0.0)

    async def work(port: int, answering: Answering) -> load.Outcome:
        return await load.steady_loop(port, [encoded("/")], 4, seconds=1.0)

    outcome = with_server(work)
    assert outcome.seconds == 1.0
    assert min(outcome.latencies_s) > 3 * DELAY_S
    assert load.LEAST_ANSWERS <= outcome.throughput <= 1.05 / DELAY_S
    assert outcome.answers >= len(outcome.latencies_s) + 4


def test_a_steady_loop_waits_for_slow_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "RAMP_S", 0.0)

    async def work(port: int, answering: Answering) -> load.Outcome:
        return await load.steady_loop(port, [encoded("/")], 1, seconds=DELAY_S / 2)

    outcome = with_server(work)
    assert len(outcome.latencies_s) == load.LEAST_ANSWERS
    assert 0.99 * sum(outcome.latencies_s) <= outcome.seconds < 2 * sum(outcome.latencies_s)


def test_a_steady_loop_ends_where_every_request_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "RAMP_S", 0.0)

    async def work(port: int, answering: Answering) -> load.Outcome:
        return await load.steady_loop(port, [encoded("/bad")], 2, seconds=0.1)

    outcome = with_server(work)
    assert (outcome.latencies_s, outcome.answers) == ([], 0)
    assert outcome.failures >= load.LEAST_ANSWERS


def test_the_schedule_is_a_poisson_process() -> None:
    moments = load.schedule(rate=200.0, seconds=50.0, seed=3)
    assert moments == load.schedule(200.0, 50.0, 3) != load.schedule(200.0, 50.0, 4)
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert len(moments) == pytest.approx(10_000, rel=0.05)
    assert spread == pytest.approx(mean, rel=0.05)  # exponential times between requests


def test_quantiles_are_nearest_ranks() -> None:
    outcome = load.Outcome(1.0, [float(value) for value in range(100, 0, -1)], 0)
    assert (outcome.quantile_s(0.5), outcome.quantile_s(0.99), outcome.throughput) == (51, 100, 100)


_PROGRAM = """
import time
from groupnl_studies.harness.load import LoadProcess

if __name__ == "__main__":
    with LoadProcess() as load:
        load.cpu_s()
        print("up", flush=True)
        time.sleep(600)
"""


@pytest.mark.slow
def test_the_process_ends_with_a_killed_program(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    parent = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "up\n"
    children = psutil.Process(parent.pid).children(recursive=True)
    assert children
    parent.kill()
    parent.communicate()
    assert psutil.wait_procs(children, timeout=60)[1] == []
