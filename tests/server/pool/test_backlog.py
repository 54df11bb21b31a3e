"""The items of one model that wait: what is taken in, in which order it leaves, and what a client's going does."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from groupnl.errors import NoWorkerError, QueueFullError
from groupnl.server.pool.backlog import Backlog
from groupnl.server.pool.ticket import Ticket
from groupnl.worker import CELLS
from groupnl.worker.wire import Part


def tickets(*contents: bytes) -> list[Ticket]:
    return [Ticket(Part({}, content)) for content in contents]


def inside(test: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """A test that runs in an event loop."""

    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), 10))

    return run


@inside
async def test_requests_are_taken_whole_or_not_at_all() -> None:
    backlog = Backlog(5, 100)
    backlog.put(tickets(b"1", b"2", b"3"))
    with pytest.raises(QueueFullError, match=r"\(3\)"):
        backlog.put(tickets(b"4", b"5", b"6"))
    assert len(backlog) == 3
    backlog.put(tickets(b"4", b"5"))
    assert [each.part.content for each in await backlog.take(9, lambda: 0.0)] == [b"1", b"2", b"3", b"4", b"5"]


@inside
async def test_bytes_are_counted_together() -> None:
    backlog = Backlog(100, 10)
    backlog.put(tickets(b"123"))
    with pytest.raises(QueueFullError):
        backlog.put(tickets(b"1234", b"1234"))
    assert len(backlog) == 1
    await backlog.take(9, lambda: 0.0)
    backlog.put(tickets(b"123456", b"123456"))  # one request alone may have more
    with pytest.raises(QueueFullError):
        backlog.put(tickets(b"1"))


@inside
async def test_whoever_goes_leaves_the_queue() -> None:
    backlog = Backlog(2, 100)
    first, second = tickets(b"1", b"2")
    backlog.put([first, second])
    first.answer.cancel()
    await asyncio.sleep(0)
    assert len(backlog) == 1
    backlog.put(tickets(b"3"))
    assert [each.part.content for each in await backlog.take(9, lambda: 0.0)] == [b"2", b"3"]


@inside
async def test_what_is_put_back_goes_first_and_alone() -> None:
    backlog = Backlog(2, 100)
    killed = tickets(b"1", b"2")
    for ticket in killed:
        ticket.deaths = 1
    backlog.put(tickets(b"3", b"4"))
    backlog.put_back(killed)  # there is always room
    batches = [[each.part.content for each in await backlog.take(9, lambda: 0.0)] for _ in range(3)]
    assert batches == [[b"1"], [b"2"], [b"3", b"4"]]


@inside
async def test_trials_come_last_and_alone() -> None:
    backlog = Backlog(9, 100)
    trials = [Ticket(Part({CELLS: []}, content)) for content in (b"t1", b"t2")]
    backlog.put([*trials, *tickets(b"1")])
    backlog.put(tickets(b"2"))
    batches = [[each.part.content for each in await backlog.take(9, lambda: 0.0)] for _ in range(3)]
    assert batches == [[b"1", b"2"], [b"t1"], [b"t2"]]


@inside
async def test_a_trial_waits_for_no_others() -> None:
    backlog = Backlog(9, 100)
    backlog.put([Ticket(Part({CELLS: []}, b"t"))])
    assert len(await backlog.take(9, lambda: 1000.0)) == 1


@inside
async def test_when_all_have_come_nobody_is_waited_for() -> None:
    backlog = Backlog(9, 100)
    backlog.put(tickets(b"1"))
    batch = asyncio.create_task(backlog.take(9, lambda: 1000.0 if len(backlog) < 3 else 0.0))
    for content in (b"2", b"3"):
        await asyncio.sleep(0.01)
        assert not batch.done()
        backlog.put(tickets(content))
    assert len(await asyncio.wait_for(batch, 10)) == 3


@inside
async def test_a_closed_queue_refuses_who_waits() -> None:
    backlog = Backlog(2, 100)
    (ticket,) = tickets(b"1")
    backlog.put([ticket])
    backlog.close(NoWorkerError("Over."))
    with pytest.raises(NoWorkerError):
        await ticket.answer
    await asyncio.sleep(0)
    assert len(backlog) == 0
