"""Processes like those that will serve, which all have an archive's engines and run them when they are told to."""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

from groupnl.base import environment
from groupnl.base.child_process import bound_command
from groupnl.base.cores import usable_cores, whole_cores
from groupnl.base.memory import free_bytes
from groupnl.base.seats import make_seats, plan_seats
from groupnl.errors import ServerError
from groupnl.inference.engine_names import EngineName

_MODULE = "groupnl.archive.speed.process"
_ANSWER_S = 600.0  # an engine may be compiled when it is opened
_LOOK_S = 0.2  # how often a wish to stop is looked for

IsStopped = Callable[[], bool]
_Process = subprocess.Popen[str]


def never() -> bool:
    """Nobody wants to stop."""
    return False


class Run(NamedTuple):
    """What an engine did.

    Attributes:
        rate: images a second, of all processes together.
        per_cpu_s: images for each second of processor time: other programs hardly change it.
    """

    rate: float
    per_cpu_s: float


class Contest:
    """Processes that all have the same engines.

    Args:
        processes: of `contest`, just started.
        is_stopped: whether the operator wants to stop.

    Attributes:
        pids: of the processes.
    """

    def __init__(self, processes: list[_Process], is_stopped: IsStopped) -> None:
        self.pids = [process.pid for process in processes]
        self._processes = processes
        self._is_stopped = is_stopped
        names = [self._read(process) for process in processes]  # when they have imported torch
        self._names: dict[EngineName, str | None] = names[0]

    def open_all(self, threads: Sequence[int] = ()) -> tuple[dict[EngineName, Any], dict[EngineName, str]]:
        """Open the engines that can run here.

        Args:
            threads: numbers that engines are to run with beside that of a worker.

        Returns:
            Their precisions; and why the others cannot run.
        """
        precisions: dict[EngineName, Any] = {}
        left_out = {name: reason for name, reason in self._names.items() if reason}
        for name in (name for name in self._names if name not in left_out):
            answers = self._open(name, threads)
            refused = [answer["reason"] for answer in answers if "reason" in answer]
            if refused:
                left_out[name] = refused[0]
            else:
                precisions[name] = answers[0]["precision"]
        return precisions, left_out

    def run(
        self, name: EngineName, batch: int, seconds: float, processes: int | None = None, threads: int | None = None
    ) -> Run:
        """Run an engine.

        Args:
            name: of one that was opened.
            batch: images at once.
            seconds: how long.
            processes: that work, all together; None: all.
            threads: of each, which wait for nobody; None: they take turns at the cores as workers do.
        """
        working = self._processes[:processes]
        for process in working:
            _write(process, {"run": name, "batch": batch, "seconds": seconds, "threads": threads})
        runs = [self._read(process) for process in working]
        images, cpu_s = (sum(float(run[name]) for run in runs) for name in ("images", "cpu_s"))
        return Run(sum(float(run["images"]) / float(run["seconds"]) for run in runs), images / cpu_s)

    def _open(self, name: EngineName, threads: Sequence[int]) -> list[dict[str, Any]]:
        """Open an engine everywhere: in the first process alone, then in so many at a time as the memory holds."""
        order = {"open": name, "threads": list(threads)}
        first, *waiting = self._processes
        answers = [self._ask([first], order)[0]]
        while waiting:
            together = max(1, free_bytes() // max(1, 2 * answers[0].get("bytes", 0)))
            now, waiting = waiting[:together], waiting[together:]
            answers += self._ask(now, order)
        return answers

    def _ask(self, processes: Sequence[_Process], order: Mapping[str, Any]) -> list[dict[str, Any]]:
        for process in processes:
            _write(process, order)
        return [self._read(process) for process in processes]

    def _read(self, process: _Process) -> dict[Any, Any]:
        assert process.stdout is not None  # noqa: S101 (for mypy)
        until = time.monotonic() + _ANSWER_S
        while not wait([process.stdout.fileno()], _LOOK_S):
            if self._is_stopped():
                raise ServerError("the service is stopped")
            if time.monotonic() > until:
                raise ServerError(
                    f"a process that times engines gave no answer for {_ANSWER_S:g} s: name an engine (--engine) to do "
                    "without"
                )
        line = process.stdout.readline()
        if not line:
            raise ServerError(
                f"a process that times engines ended with code {process.wait()}; it says why above, -9 often means for "
                "want of memory: name an engine (--engine) to do without"
            )
        answer: dict[Any, Any] = json.loads(line)
        return answer


@contextmanager
def contest(folder: Path, workers: int, batch_size: int, is_stopped: IsStopped = never) -> Iterator[Contest]:
    """As many processes as can work at the same time, which share the cores as workers do.

    Args:
        folder: an unpacked archive.
        workers: of the service.
        batch_size: most images in a batch.
        is_stopped: whether the operator wants to stop.

    Raises:
        ServerError: inside, too: a process ended, gives no answer, or the operator has stopped it.
    """
    cores = usable_cores()
    with tempfile.TemporaryDirectory(prefix="groupnl-") as place, ExitStack() as stack:
        seats = make_seats(Path(place), plan_seats(cores, workers))
        # They are killed, and torch removes what it unpacks only at an end in order.
        changes = environment.computing(whole_cores(), seats) | {"TMPDIR": place}
        processes = []
        for _ in range(min(workers, cores)):
            process = subprocess.Popen(  # noqa: S603 (our own module)
                bound_command(_MODULE, str(folder), str(batch_size)),
                env=environment.child_environment(changes),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                process_group=0,  # a Ctrl-C reaches only us, and we end it; no session of its own, as a worker has none
            )
            stack.callback(_end, process)
            processes.append(process)
        yield Contest(processes, is_stopped)


@contextmanager
def busy_program(*, is_lowest: bool = False) -> Iterator[None]:
    """Another program that keeps a core busy.

    Args:
        is_lowest: of the lowest priority, and one of us, as a shadow process is; else it is somebody else's.
    """
    words = ["lowest"] if is_lowest else []
    command = bound_command("groupnl.archive.speed.busy", *words)
    process = subprocess.Popen(command, start_new_session=not is_lowest)  # noqa: S603 (our own module)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _write(process: _Process, order: Mapping[str, Any]) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # it has ended, which reading tells
            print(json.dumps(order), file=process.stdin, flush=True)


def _end(process: _Process) -> None:
    process.kill()  # it has nothing to put in order
    process.communicate()
