"""Processes at the other ends of connections: each gets another piece when it asks, and one's loss costs no count."""

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from subprocess import Popen, TimeoutExpired
from typing import Any, Generic

from tqdm import tqdm

from groupnl.base.texts import counted
from groupnl.errors import ConfigError
from groupnl.validation.crew.job import FoundOf, PieceOf, Told
from groupnl.validation.crew.member import Link
from groupnl.validation.crew.messages import Answered, Failed, Found, Wish

_END_S = 10.0  # for a process to end in order
_GONE_S = 1.0  # for the system to tell how a process ended, whose connection is closed


@dataclass(eq=False)
class Member:
    """One of the processes.

    Attributes:
        name: for sentences on it.
        link: to it.
        process: None: it was started by somebody else.
        held: pieces that it has.
        answered: images of the first of them.
    """

    name: str
    link: Link
    process: "Popen[bytes] | None" = None
    held: deque[Any] = field(default_factory=deque)
    answered: int = 0

    def send(self, message: object) -> None:
        """Tell it something; if it has just ended, the next `recv` says so."""
        with suppress(OSError):
            self.link.send(message)

    def close(self) -> None:
        """End it, if it goes on."""
        self.link.close()
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_END_S)
        except TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def end(self) -> str:
        """How it ended, in words."""
        if self.process is not None:
            with suppress(TimeoutExpired):
                status = self.process.wait(_GONE_S)
                return f"{self.name} was ended by signal {-status}" if status < 0 else f"{self.name} ended ({status})"
        return f"the connection to {self.name} ended"


class _Queue(Generic[PieceOf]):
    """Pieces that nobody has; those that come back are the next."""

    def __init__(self, pieces: Iterable[PieceOf]) -> None:
        self._pieces = iter(pieces)
        self._back: deque[PieceOf] = deque()

    def take(self) -> PieceOf | None:
        """None: there is none now."""
        return self._back.popleft() if self._back else next(self._pieces, None)

    def put_back(self, pieces: Iterable[PieceOf]) -> None:
        self._back.extend(pieces)


class Linked(Generic[PieceOf, FoundOf]):
    """A `Team` of such processes.

    Args:
        members: that have their job.
    """

    def __init__(self, members: Iterable[Member]) -> None:
        self._members = list(members)
        self._waiting: deque[Member] = deque()

    def found(self, pieces: Iterable[PieceOf], told: Told) -> Iterator[FoundOf]:
        """See `Team`."""
        queue = _Queue(pieces)
        while self._hand_out(queue):
            for link in wait([member.link for member in self._members]):
                member = next(member for member in self._members if member.link is link)
                try:
                    message = member.link.recv()
                except (EOFError, OSError):
                    self._lose(member, queue, told)
                else:
                    yield from self._heard(member, message, queue, told)

    def _hand_out(self, queue: _Queue[PieceOf]) -> bool:
        """Give pieces to those who wait; whether anything is still to be counted."""
        while (piece := queue.take()) is not None:
            if not self._waiting:
                queue.put_back([piece])
                return True
            self._give(self._waiting.popleft(), piece)
        return any(member.held for member in self._members)

    def _heard(self, member: Member, message: object, queue: _Queue[PieceOf], told: Told) -> Iterator[FoundOf]:
        if isinstance(message, Answered):
            member.answered += message.images
            told(message.images)
        elif isinstance(message, Found):
            member.held.popleft()
            member.answered = 0
            yield message.what  # type: ignore[misc]  # what the job's own count has yielded
        elif isinstance(message, Failed):
            raise ConfigError(message.reason)
        elif isinstance(message, Wish):
            piece = queue.take()
            if piece is None and message.patient:
                self._waiting.append(member)
            else:
                self._give(member, piece)

    def _give(self, member: Member, piece: PieceOf | None) -> None:
        if piece is not None:
            member.held.append(piece)
        member.send(piece)

    def _lose(self, member: Member, queue: _Queue[PieceOf], told: Told) -> None:
        told(-member.answered)
        queue.put_back(member.held)
        self._members.remove(member)
        if member in self._waiting:
            self._waiting.remove(member)
        member.link.close()
        end = member.end()
        if not self._members:
            raise ConfigError(
                f"{end}, the last that counted: what is finished is kept, so the same command goes on; where it was "
                "ended by the system for lack of memory, with fewer processes or a smaller --batch-size"
            )
        others = counted(len(self._members), "process")
        tqdm.write(f"{end}; its images are counted by {others}", file=sys.stderr)
