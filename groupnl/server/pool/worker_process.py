"""One worker process, as the server sees it: started, asked, and ended."""

import asyncio
import logging
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TextIO

from groupnl.base.child_process import bound_command
from groupnl.errors import ServerError
from groupnl.server.pool.phases import Phases
from groupnl.server.processes import living_members
from groupnl.worker import PHASE, REFUSAL
from groupnl.worker.wire import Part, encode, receive

logger = logging.getLogger(__name__)
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_LEVEL = re.compile(r"\[([A-Z]+)\]")
_POLL_S = 0.02
_BATCH_BYTES = 4 * 1024 * 1024  # that go to a worker at once, where the system allows it; else it is woken often
END_S = 5.0  # after its socket was closed, until it is killed


class WorkerDiedError(Exception):
    """The process has ended, or was ended because it took too long."""


class Program(NamedTuple):
    """What a worker process runs.

    Attributes:
        model: its name.
        folder: the unpacked archive, with the settings of this start.
        environment: of the process.
    """

    model: str
    folder: Path
    environment: Mapping[str, str]


class WorkerProcess:
    """A process that answers batches, one at a time; made by `start`.

    Attributes:
        name: for the log.
        gone: set when the process has ended.
        phases: of its start.
    """

    def __init__(self, name: str, process: subprocess.Popen[str], streams: Streams) -> None:
        self.name = name
        self.gone = asyncio.Event()
        self.phases = Phases()
        self._is_loaded = False
        self._process = process
        self._reader, self._writer = streams
        loop = asyncio.get_running_loop()
        threading.Thread(target=_wait, args=(process, loop, self.gone), daemon=True).start()
        threading.Thread(target=_log, args=(name, process.stdout), daemon=True).start()

    @classmethod
    async def start(cls, program: Program, ordinal: int) -> "WorkerProcess":
        """Start a process; it loads its model afterwards.

        Args:
            program: what it runs.
            ordinal: its place among the workers of the model, from 0.
        """
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BATCH_BYTES)
        with theirs:
            process = subprocess.Popen(  # noqa: S603 (our own program)
                bound_command("groupnl.worker", str(theirs.fileno()), str(program.folder), program.model, str(ordinal)),
                env=dict(program.environment),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="backslashreplace",
                # Ctrl-C in the terminal reaches only the server. No session of its own: Linux shares the cores out
                # among sessions, and a worker that is alone in one took twice as long beside busy neighbours.
                process_group=0,
            )
        try:
            return cls(f"{program.model}-{ordinal}", process, await asyncio.open_unix_connection(sock=ours))
        except BaseException:
            process.kill()
            process.wait()
            raise

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    async def ready(self) -> None:
        """Wait until the model is loaded.

        Raises:
            ServerError: it cannot be.
            WorkerDiedError: the process has ended before.
        """
        while PHASE in (first := (await self._receive())[0]).facts:
            self.phases.begin(first.facts[PHASE])
        if REFUSAL in first.facts:
            raise ServerError(f"cannot load model {self.name.rpartition('-')[0]}: {first.facts[REFUSAL]}")
        self.phases.end()
        self._is_loaded = True

    async def ask(self, items: Sequence[Part]) -> list[Part]:
        """The answers to a batch, in order.

        Raises:
            WorkerDiedError: there will be none.
        """
        try:
            self._writer.writelines(encode(items))
            await self._writer.drain()
        except OSError as error:
            raise WorkerDiedError(f"{error}") from None
        return await self._receive()

    async def end(self) -> None:
        """End it: in order, by closing its socket, where it listens already; else, or if it does not hear, by force."""
        self._writer.close()
        if not self._is_loaded:
            self.kill()
        try:
            async with asyncio.timeout(END_S):
                await self.gone.wait()
        except TimeoutError:
            self.kill()
            await self.gone.wait()

    def kill(self) -> None:
        """End it by force, with what it has started."""
        if self._process.returncode is None:
            _kill_group(self._process.pid)

    async def _receive(self) -> list[Part]:
        try:
            return await receive(self._reader)
        except (asyncio.IncompleteReadError, OSError):
            raise WorkerDiedError("it closed its socket") from None


def _wait(process: "subprocess.Popen[str]", loop: asyncio.AbstractEventLoop, gone: asyncio.Event) -> None:
    # Nobody else may ask for its end, not even by `Popen.kill`: until it is taken away here, its number is its own.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    try:
        _kill_group(process.pid)  # what it has started
        _await_group(process.pid)
    except Exception:
        logger.exception("what process %d has started may still be there", process.pid)
    process.wait()
    with suppress(RuntimeError):  # the loop has ended before
        loop.call_soon_threadsafe(gone.set)


def _kill_group(number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS refuses where only the dead are left
        os.killpg(number, signal.SIGKILL)


def _await_group(number: int) -> None:
    """Wait until what was killed has gone: a shadow process has the lowest priority, also while it ends."""
    deadline = time.monotonic() + END_S
    while time.monotonic() < deadline and _has_members(number):
        time.sleep(_POLL_S)


def _has_members(group: int) -> bool:
    try:
        return bool(living_members(group, os.getpgid))
    except OSError:  # too many open files: asked again soon
        return True


def _log(name: str, lines: TextIO) -> None:
    """Copy what a worker prints into the log, until it ends."""
    log = logging.getLogger(__name__)
    with lines:
        for line in lines:
            log.log(_level(line), "%s: %s", name, line.rstrip("\n"))


def _level(line: str) -> int:
    """Of a line that a worker's logging wrote; whatever else it prints is no warning."""
    match = _LEVEL.match(line)
    return logging.getLevelNamesMapping().get(match[1], logging.INFO) if match else logging.INFO
