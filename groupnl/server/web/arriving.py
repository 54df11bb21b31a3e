"""The bytes of bodies that are on their way, over all connections: bounded, as those that wait for a model are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from groupnl.errors import QueueFullError


class Arriving:
    """Counts what has been read of bodies that are not whole yet.

    Args:
        most: bytes of all of them together; one alone may have more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0

    @contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """While it is open, one body arrives; what it gives is called with the length of each piece.

        Raises:
            QueueFullError: by that call: too much is on its way.
        """
        taken = 0

        def take(size: int) -> None:
            nonlocal taken
            others = self._bytes - taken
            if others and self._bytes + size > self._most:
                raise QueueFullError("Too many bytes of other requests are on their way; try again soon.")
            self._bytes += size
            taken += size

        try:
            yield take
        finally:
            self._bytes -= taken
