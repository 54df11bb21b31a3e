"""Times the engines of an unpacked archive in processes like those that will serve, alone and beside a busy program."""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from groupnl.archive.model_config import read_setting
from groupnl.archive.read import CONFIG_FILE
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.speeds import Plan, Speed, Speeds
from groupnl.base import environment
from groupnl.base.child_process import bound_command
from groupnl.base.cores import usable_cores, whole_cores
from groupnl.base.others import Others
from groupnl.base.problems import problems
from groupnl.base.seats import make_seats, plan_seats
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import ConfigError, ServerError
from groupnl.inference.engine_names import EngineName

_MODULE = "groupnl.archive.speed.process"
_ROUNDS = 4  # the best counts, since other programs only slow; engines take turns, so that these meet all of them
_SECONDS = 0.3  # of an engine's turn with full batches
_ALONE_SECONDS = 0.15
_ENOUGH_S = 60.0  # after so long no other round begins: one full batch may take seconds
_ANSWER_S = 600.0  # an engine may be compiled when it is opened
_LOOK_S = 0.2  # how often a wish to stop is looked for

IsStopped = Callable[[], bool]


def _never() -> bool:
    return False


def measure(folder: Path, is_stopped: IsStopped = _never) -> Speeds:
    """Time every engine of an archive that can run here; takes some seconds for each.

    Args:
        folder: the unpacked archive, with the settings that it is to be served with.
        is_stopped: whether the operator does not want it any more.

    Raises:
        ConfigError: the settings cannot be used.
        ServerError: a process that measures ended (its words are on the standard error) or does not answer; or the
            operator has stopped it.
    """
    plan = _plan(folder)
    with ExitStack() as stack:
        contest = stack.enter_context(_contest(folder, plan, is_stopped))
        precisions, left_out = contest.open_all()
        turns: dict[EngineName, list[_Turn]] = {name: [] for name in precisions}
        others, began = Others(), time.monotonic()
        for _ in range(_ROUNDS):
            for name, so_far in turns.items():
                so_far.append(contest.turn(name, plan.batch_size))
            if time.monotonic() - began > _ENOUGH_S:
                break
        used_meanwhile = others.cores()
    speeds = tuple(
        Speed(
            engine=name,
            precision=precisions[name],
            full=max(max(turn.full, turn.beside) for turn in so_far),  # it is not slower without the busy program
            beside=max(turn.beside for turn in so_far),
            alone=max(turn.alone for turn in so_far),
        )
        for name, so_far in turns.items()
    )
    return Speeds(machine=Machine.here(), plan=plan, speeds=speeds, left_out=left_out, others=used_meanwhile)


def _plan(folder: Path) -> Plan:
    settings = read_mapping(folder / CONFIG_FILE)
    try:
        return Plan(
            workers=read_setting(settings, "workers"),
            batch_size=read_setting(settings, "batch_size"),
            threads=(settings.get("handler") or {}).get("threads"),
        )
    except ValidationError as error:
        raise ConfigError(f"{CONFIG_FILE}: {problems(error)}") from None


class _Turn(NamedTuple):
    """Images a second, as in `Speed`."""

    full: float
    beside: float
    alone: float


class _Contest:
    """Processes that all have the same engines."""

    def __init__(self, processes: list[subprocess.Popen[str]], is_stopped: IsStopped) -> None:
        self._processes = processes
        self._is_stopped = is_stopped
        names = [self._read(process) for process in processes]  # when they have imported torch
        self._names: dict[EngineName, str | None] = names[0]

    def open_all(self) -> tuple[dict[EngineName, Any], dict[EngineName, str]]:
        """The engines that can run here, with their precision; and why others cannot."""
        precisions: dict[EngineName, Any] = {}
        left_out = {name: reason for name, reason in self._names.items() if reason}
        for name in (name for name in self._names if name not in left_out):
            # One after the other: each may need a lot of memory while it is opened.
            answers = [self._ask(process, {"open": name}) for process in self._processes]
            refused = [answer["reason"] for answer in answers if "reason" in answer]
            if refused:
                left_out[name] = refused[0]
            else:
                precisions[name] = answers[0]["precision"]
        return precisions, left_out

    def turn(self, name: EngineName, batch: int) -> _Turn:
        """One turn of an engine."""
        full = self._together(self._processes, name, batch, _SECONDS)
        with _busy_program():
            beside = self._together(self._processes, name, batch, _SECONDS)
        return _Turn(full, beside, self._together(self._processes[:1], name, 1, _ALONE_SECONDS))

    def _together(self, processes: list[subprocess.Popen[str]], name: EngineName, batch: int, seconds: float) -> float:
        """Images a second."""
        for process in processes:
            _write(process, {"run": name, "batch": batch, "seconds": seconds})
        runs = [self._read(process) for process in processes]
        return sum(float(run["images"]) / float(run["seconds"]) for run in runs)

    def _ask(self, process: subprocess.Popen[str], order: Mapping[str, Any]) -> dict[str, Any]:
        _write(process, order)
        return self._read(process)

    def _read(self, process: subprocess.Popen[str]) -> dict[Any, Any]:
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
def _contest(folder: Path, plan: Plan, is_stopped: IsStopped) -> Iterator[_Contest]:
    """As many processes as can work at the same time, which share the cores as workers do."""
    cores = usable_cores()
    with tempfile.TemporaryDirectory(prefix="groupnl-") as place, ExitStack() as stack:
        seats = make_seats(Path(place), plan_seats(cores, plan.workers))
        # They are killed, and torch removes what it unpacks only at an end in order.
        changes = environment.computing(whole_cores(), seats) | {"TMPDIR": place}
        processes = []
        for _ in range(min(plan.workers, cores)):
            process = subprocess.Popen(  # noqa: S603 (our own module)
                bound_command(_MODULE, str(folder), str(plan.batch_size)),
                env=environment.child_environment(changes),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                process_group=0,  # a Ctrl-C reaches only us, and we end it; no session of its own, as a worker has none
            )
            stack.callback(_end, process)
            processes.append(process)
        yield _Contest(processes, is_stopped)


@contextmanager
def _busy_program() -> Iterator[None]:
    """Another program that keeps a core busy."""
    process = subprocess.Popen(bound_command("groupnl.archive.speed.busy"), start_new_session=True)  # noqa: S603
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _write(process: subprocess.Popen[str], order: Mapping[str, Any]) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # it has ended, which reading tells
            print(json.dumps(order), file=process.stdin, flush=True)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()  # it has nothing to put in order
    process.communicate()
