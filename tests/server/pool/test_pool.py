"""A pool whose processes cannot be started, and what holds one that is to be closed."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import psutil
import pytest

from groupnl.errors import ServerError
from groupnl.metrics import LOADING
from groupnl.server.comparison import Comparison
from groupnl.server.pool.phases import Phases
from groupnl.server.pool.pool import Pool
from groupnl.server.pool.serving import Serving
from groupnl.server.pool.worker_process import Program, WorkerProcess
from groupnl.worker import PHASE
from groupnl.worker.wire import Part, encode

SERVING = Serving(1, 4, 0.0, 10, 10, 1000, 1000)


class _Nobody:
    def __init__(self) -> None:
        self.deaths: list[str] = []

    def worker_died(self, model: str, reason: str) -> None:
        self.deaths.append(reason)

    def worker_ended(self, pid: int) -> None: ...

    def reloaded(self, model: str, outcome: str) -> None: ...

    def exchanged(self, model: str, comparison: Comparison) -> None: ...


def _pool(tmp_path: Path, witness: _Nobody | None = None) -> Pool:
    return Pool(Program("tiny", tmp_path, {}), SERVING, witness or _Nobody())


def test_a_worker_that_cannot_be_started_is_told_and_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def start(*_: Any) -> WorkerProcess:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(WorkerProcess, "start", start)
    witness = _Nobody()
    with pytest.raises(ServerError, match="Too many open files"):
        asyncio.run(asyncio.wait_for(_pool(tmp_path, witness).start(), 10))
    assert witness.deaths == [LOADING]


def test_a_worker_that_never_has_its_model_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ended = []

    class Stuck:
        name, pid, phases = "tiny-0", 1, Phases()

        async def ready(self) -> None:
            await asyncio.Event().wait()

        async def end(self) -> None:
            ended.append(self)

    async def start(*_: Any) -> Stuck:
        return Stuck()

    monkeypatch.setattr(WorkerProcess, "start", start)
    pool = Pool(Program("tiny", tmp_path, {}), SERVING, _Nobody(), 0.05)
    with pytest.raises(ServerError, match=r"more than 0\.05 s"):
        asyncio.run(asyncio.wait_for(pool.start(), 10))
    assert ended


class _Echo:
    """A worker that answers at once, and tells the sizes of its batches."""

    name, pid, phases = "tiny-0", 1, Phases()

    def __init__(self, batches: list[int]) -> None:
        self.gone = asyncio.Event()
        self._batches = batches

    async def ready(self) -> None: ...

    async def ask(self, parts: Sequence[Part]) -> list[Part]:
        self._batches.append(len(parts))
        return list(parts)

    async def end(self) -> None: ...

    def kill(self) -> None: ...


def test_who_is_alone_waits_for_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    batches: list[int] = []

    async def start(*_: Any) -> _Echo:
        return _Echo(batches)

    async def ask() -> None:
        pool = Pool(Program("tiny", tmp_path, {}), SERVING._replace(patience_s=1000.0), _Nobody())
        await pool.start()
        for _ in range(2):  # the first one's answer is still being written when the second one comes
            await pool.submit([Part({}, b"alone")], pool.hold())[0].answer
        second = pool.hold()  # its body comes later
        (first,) = pool.submit([Part({}, b"first")], pool.hold())
        await asyncio.sleep(0.01)
        assert not first.answer.done()
        pool.submit([Part({}, b"others")] * 2, second)
        await first.answer
        third = pool.hold()  # its body never comes
        (first,) = pool.submit([Part({}, b"first")], pool.hold())
        await asyncio.sleep(0.01)
        assert not first.answer.done()
        third()
        await first.answer
        await pool.close()

    monkeypatch.setattr(WorkerProcess, "start", start)
    asyncio.run(asyncio.wait_for(ask(), 10))
    assert batches == [1, 1, 3, 1]


def test_draining_waits_for_who_has_come_and_for_nobody_else(tmp_path: Path) -> None:
    async def drain() -> None:
        pool = _pool(tmp_path)
        await pool.drain()
        release = pool.hold()
        draining = asyncio.create_task(pool.drain())
        await asyncio.sleep(0)
        pool.hold()  # comes later
        await asyncio.sleep(0.01)
        assert not draining.done()
        release()
        await draining

    asyncio.run(asyncio.wait_for(drain(), 10))


def test_an_end_is_noticed_also_without_a_file_to_open(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def iterate() -> list[psutil.Process]:
        calls.append(1)
        if len(calls) < 3:
            raise OSError(24, "Too many open files")
        return []

    async def end() -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", ""], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
        )
        reader = asyncio.StreamReader()
        worker = WorkerProcess("tiny-0", process, (reader, None))  # type: ignore[arg-type]
        await worker.gone.wait()

    monkeypatch.setattr(psutil, "process_iter", iterate)
    asyncio.run(asyncio.wait_for(end(), 10))
    assert len(calls) == 3


def test_first_workers_load_first_and_so_many_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    begun: list[str] = []
    most: list[int] = []

    class Loading:
        pid, phases = 1, Phases()

        def __init__(self, name: str) -> None:
            self.name = name
            self.gone = asyncio.Event()
            begun.append(name)
            most.append(1)

        async def ready(self) -> None:
            await asyncio.sleep(0.01)
            most.append(-1)

        async def end(self) -> None: ...

    async def start(program: Program, ordinal: int) -> Loading:
        return Loading(f"{program.model}-{ordinal}")

    async def start_both() -> None:
        serving = SERVING._replace(workers=2)
        pools = [Pool(Program(name, tmp_path, {}), serving, _Nobody()) for name in ("one", "other")]
        turn = asyncio.Semaphore(2)
        await asyncio.gather(*(pool.start(turn) for pool in pools))
        assert [pool.ready for pool in pools] == [2, 2]
        await asyncio.gather(*(pool.close() for pool in pools))

    monkeypatch.setattr(WorkerProcess, "start", start)
    asyncio.run(asyncio.wait_for(start_both(), 10))
    assert begun == ["one-0", "other-0", "one-1", "other-1"]
    assert max(accumulate(most)) == 2


def test_progress_tells_the_phases_of_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 11.62, 11.7, 14.0, 14.1, 14.1])
    monkeypatch.setattr("groupnl.server.pool.phases.monotonic", lambda: next(clock))
    phases = Phases()
    phases.begin("archive")
    phases.begin("engine")
    assert str(phases) == "imports 1.6, archive 0.1, engine 2.3"  # which goes on
    phases.end()
    assert phases.seconds == pytest.approx(4.1)
    assert len(phases) == 3


def test_a_worker_tells_its_phases_until_it_is_ready() -> None:
    async def told() -> str:
        reader = asyncio.StreamReader()
        for fact in ({PHASE: "archive"}, {PHASE: "engine"}, {"pid": 1}):
            reader.feed_data(b"".join(encode([Part(fact)])))
        with subprocess.Popen(
            [sys.executable, "-c", ""], stdout=subprocess.PIPE, text=True, process_group=0
        ) as process:
            worker = WorkerProcess("tiny-0", process, (reader, None))  # type: ignore[arg-type]
            await worker.ready()
            await worker.gone.wait()
        return str(worker.phases)

    told_so = asyncio.run(asyncio.wait_for(told(), 10))
    assert [phase.split()[0] for phase in told_so.split(", ")] == ["imports", "archive", "engine"]
