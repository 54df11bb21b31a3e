"""One computation for all who ask while it goes on."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Result = TypeVar("Result")


class SharedResult(Generic[Result]):
    """Computes when it is called; whoever calls meanwhile, from another thread, waits and gets the same result.

    Args:
        compute: makes the result; what it raises, everybody who waits gets.
    """

    def __init__(self, compute: Callable[[], Result]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._running: Future[Result] | None = None

    def __call__(self) -> Result:
        """The result."""
        with self._lock:
            running = self._running
            if running is None:
                mine = self._running = Future[Result]()
        return running.result() if running is not None else self._run(mine)

    def _run(self, mine: "Future[Result]") -> Result:
        try:
            mine.set_result(self._compute())
        except BaseException as error:
            mine.set_exception(error)
        finally:
            with self._lock:
                self._running = None
        return mine.result()
