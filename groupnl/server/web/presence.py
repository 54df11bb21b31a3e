"""Whether the client of a connection is still there: nothing is computed for nobody."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[], None]


class Presence:
    """Tells whoever waits for an answer that its client has gone.

    Args:
        listen: lets the connection be read, without which nobody learns of its end.
    """

    def __init__(self, listen: Callable[[], None]) -> None:
        self._listen = listen
        self._watchers: set[Tell] = set()
        self._is_over = False

    @contextmanager
    def watched(self, tell: Tell) -> Iterator[None]:
        """Within the block `tell` is called when the client goes; at once, where it has gone."""
        if self._is_over:
            tell()
        self._watchers.add(tell)
        self._listen()
        try:
            yield
        finally:
            self._watchers.discard(tell)

    def end(self) -> None:
        """The client has gone."""
        self._is_over = True
        for tell in list(self._watchers):
            tell()
