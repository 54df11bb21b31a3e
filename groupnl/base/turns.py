"""Whose turn it is to compute, and with how many threads; see `groupnl.base.seats`."""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from groupnl.base.pace import Pace
from groupnl.base.seats import read_seats

_POLL_S = 0.0005
_PATIENCE_S = 0.5  # and so many times the longest of the last turns: who waits longer waits for one that stands still
_TURNS_WAITED = 10


class Turns:
    """The seats of all workers of a service, one for each core.

    A seat is a file, and who holds its lock sits on it: a worker that dies leaves its seats.

    Args:
        folder: of the seats; None where a worker has its cores for itself.
        threads: of this worker without seats, and the most of a turn.
    """

    def __init__(self, folder: Path | None, threads: int) -> None:
        files, share = ([], threads) if folder is None else read_seats(folder)
        self._seats = [os.open(file, os.O_RDONLY) for file in files]  # open while the worker lives
        self._queue = -1 if folder is None else os.open(folder, os.O_RDONLY)  # who waits shares its lock
        self._share = share
        self._threads = threads
        self._pace = Pace(self.threads)
        self._was_alone = True
        self._usual_s = 0.0  # of a turn
        self._is_starved = False  # the last turn came without a seat

    @property
    def threads(self) -> tuple[int, ...]:
        """Numbers of threads that a turn may bring, for warming up; a turn may bring another one where many share.

        A batch that is alone gets the one with which it is computed soonest, see `groupnl.base.pace`.
        """
        return tuple(sorted({min(self._share, self._threads), self._threads}))

    def forget(self) -> None:
        """What was learnt of the numbers of threads is of another machine, or of another load."""
        self._pace = Pace(self.threads)

    @contextmanager
    def turn(self, images: int | None = None) -> Iterator[int]:
        """Wait for seats, and sit on them inside the block; gives the number of threads to compute with.

        Args:
            images: in the batch; None: work of another kind, of which nothing is learnt.

        Where the others stand still (a hanging decoder, a stopped process) it goes on without a seat after a while, and
        soon the next times, until one is free again.
        """
        if not self._seats:
            yield self._threads
            return
        seats, is_free = self._take(images)
        self._is_starved = not seats
        began = time.monotonic()
        try:
            yield len(seats) or min(self._share, self._threads)
        finally:
            _leave(seats)
            took_s = time.monotonic() - began
            self._usual_s = max(took_s, self._usual_s * 0.9)
        if is_free and images is not None:
            self._pace.note(images, len(seats), took_s)

    def _take(self, images: int | None) -> tuple[list[int], bool]:
        """Seats, and whether their number was free to choose: where nobody sits now nor sat the last time.

        Else it is the share or what is free of it; one at least. Who has waited takes its share and not all that has
        become free: whoever left it is soon back for its own. And two who compute side by side are now and then both
        between two batches. Who takes all leaves a share to who waits: it would be back sooner than that one looks.
        """
        free = self._free_seats()
        is_alone = len(free) == len(self._seats) and self._nobody_waits()
        if not free:
            free = self._wait()
            if not free:
                return [], False
        is_free = is_alone and self._was_alone
        self._was_alone = is_alone
        wanted = self._wanted(images) if is_free else min(self._share, self._threads)
        _leave(free[wanted:])
        return free[:wanted], is_free

    def _wait(self) -> list[int]:
        """The seats that become free, taken; none after a while."""
        deadline = self._deadline()
        with suppress(BlockingIOError):  # somebody looks whether anybody waits, just now
            fcntl.flock(self._queue, fcntl.LOCK_SH | fcntl.LOCK_NB)
        try:
            free: list[int] = []
            while not free and time.monotonic() < deadline:  # the system waits for one lock, not for any of several
                time.sleep(_POLL_S)
                free = self._free_seats()
            return free
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)

    def _nobody_waits(self) -> bool:
        if not _takes(self._queue):
            return False
        fcntl.flock(self._queue, fcntl.LOCK_UN)
        return True

    def _wanted(self, images: int | None) -> int:
        """How many seats to take where the number is free to choose."""
        return self._threads if images is None else self._pace.choose(images)

    def _free_seats(self) -> list[int]:
        """The seats on which nobody sat, taken."""
        return [seat for seat in self._seats if _takes(seat)]

    def _deadline(self) -> float:
        """When waiting for a seat ends; on the monotonic clock."""
        patience = self._usual_s if self._is_starved else _PATIENCE_S + _TURNS_WAITED * self._usual_s
        return time.monotonic() + patience


def _takes(seat: int) -> bool:
    try:
        fcntl.flock(seat, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _leave(seats: Iterable[int]) -> None:
    for seat in seats:
        fcntl.flock(seat, fcntl.LOCK_UN)
