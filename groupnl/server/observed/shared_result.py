"""One computation for all who ask for the same while it goes on."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Result = TypeVar("Result")


class SharedResults(Generic[Result]):
    """Computes when it is called; whoever asks for the same meanwhile, in another thread, gets that result, too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[Result]] = {}

    def __call__(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """The result.

        Args:
            key: what is asked for.
            compute: makes it; what it raises, everybody who waits gets.
        """
        with self._lock:
            running = self._running.get(key)
            if running is None:
                mine = self._running[key] = Future[Result]()
        if running is not None:
            return running.result()
        try:
            mine.set_result(compute())
        except BaseException as error:
            mine.set_exception(error)
        finally:
            with self._lock:
                del self._running[key]
        return mine.result()
