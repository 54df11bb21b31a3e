"""Whose turn it is to compute: a worker takes a seat for each batch; see `groupnl.server.seats`."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_S = 0.0002


class Turns:
    """The seats of all workers of a service.

    A seat is a file, and who holds its lock sits on it: a worker that dies leaves its seat.

    Args:
        folder: holds one file for each seat; None where a worker has its cores for itself.
    """

    def __init__(self, folder: Path | None) -> None:
        files = [] if folder is None else sorted(folder.iterdir())
        self._seats = [os.open(file, os.O_RDONLY) for file in files]  # open while the worker lives

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a seat, and sit on it inside the block."""
        if not self._seats:
            yield
            return
        seat = self._take()
        try:
            yield
        finally:
            fcntl.flock(seat, fcntl.LOCK_UN)

    def _take(self) -> int:
        if len(self._seats) == 1:
            fcntl.flock(self._seats[0], fcntl.LOCK_EX)
            return self._seats[0]
        while True:  # the system waits for one lock, not for any of several
            for seat in self._seats:
                try:
                    fcntl.flock(seat, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return seat
                except BlockingIOError:
                    continue
            time.sleep(_POLL_S)
