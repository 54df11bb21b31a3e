"""A shadow in a process of its own, with a context of its own on the device: what the service does not do on a GPU."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Self

from groupnl.base.child_process import end_with_parent
from groupnl.errors import ServerError
from groupnl.inference.device_names import Device
from groupnl_studies.gpu.shadow import make_shadow


class Neighbour:
    """A `Shadow` that works in another process.

    Args:
        device: "cuda" or "cpu".

    Attributes:
        answered: images so far.
        seconds: that it ran so far.

    Raises:
        ServerError: the process has ended; its own error stands on the standard error.
    """

    def __init__(self, device: Device) -> None:
        self.answered = 0
        self.seconds = 0.0
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, device))
        self._process.start()
        theirs.close()
        self._receive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.join()

    @contextmanager
    def running(self) -> Iterator[None]:
        """While it is open, it works."""
        self._pipe.send(True)
        try:
            yield
        finally:
            self._pipe.send(False)
            self.answered, self.seconds = self._receive()

    def _receive(self) -> tuple[int, float]:
        try:
            found: tuple[int, float] = self._pipe.recv()
        except EOFError:
            raise ServerError("the neighbour's process has ended; the log says why") from None
        return found


def _work(pipe: Connection, device: Device) -> None:
    end_with_parent()
    shadow = make_shadow(device)
    pipe.send((0, 0.0))
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        with shadow.running():
            pipe.recv()
        pipe.send((shadow.answered, shadow.seconds))
