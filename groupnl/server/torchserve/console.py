"""What TorchServe prints: kept in a file, warnings shown to the operator, failed starts recognised."""

import re
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from groupnl.base.say import Say

TAIL_LINES = 30
_SHOWN = re.compile(r"\d\d:\d\d:\d\d \[(WARN |ERROR|FATAL)\]")
# The handler prints a sentence that begins so before it gives up; TorchServe would try again for five minutes. It
# stands in `handlers/classifier.py` and in `log4j2.xml` too, which can import nothing.
CANNOT_LOAD = "groupnl: cannot load model"
_REFUSAL = re.compile(rf"(?<=groupnl: ){CANNOT_LOAD.removeprefix('groupnl: ')} .*")
_WORKER_STOPPED = re.compile(r"(?:W-\d+-)?(\S+) State change \S+ -> WORKER_STOPPED")


class Console:
    """Reads the child's output to its end, in a thread of its own, so that the child never blocks on it.

    Attributes:
        refusal: the sentence of a handler that could not load its model, once it was printed.
        stopped_worker: the worker that ended first, once one did.
    """

    def __init__(self, path: Path, say: Say) -> None:
        self.refusal: str | None = None
        self.stopped_worker: str | None = None
        self._path = path
        self._say = say
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._thread: threading.Thread | None = None
        self._is_full = False

    def listen(self, lines: Iterable[str]) -> None:
        """Start reading `lines` until they end."""
        file = self._path.open("w", encoding="utf-8", buffering=1)
        self._thread = threading.Thread(target=self._read, args=(lines, file), name="console", daemon=True)
        self._thread.start()

    def tail(self) -> str:
        """The last lines, oldest first."""
        return "\n".join(f"  {line}" for line in self._tail)

    def close(self) -> None:
        """Wait until the last line was read; the child must have ended."""
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _read(self, lines: Iterable[str], file: TextIO) -> None:
        with suppress(OSError), file:  # closing it writes, too
            for line in lines:
                self._keep(line, file)
                self._note(line.rstrip("\n"))

    def _keep(self, line: str, file: TextIO) -> None:
        """A full disk costs lines of the log, but the child's output is read on: else it would stand still."""
        try:
            file.write(line)
        except OSError as error:
            if not self._is_full:
                self._is_full = True
                with suppress(OSError):
                    self._say(f"{self._path} cannot be written: {error.strerror}; lines of the log are lost")

    def _note(self, line: str) -> None:
        self._tail.append(line)
        if (found := _REFUSAL.search(line)) and self.refusal is None:
            self.refusal = found.group()
        if (found := _WORKER_STOPPED.search(line)) and self.stopped_worker is None:
            self.stopped_worker = found.group(1)
        if _SHOWN.match(line):
            # Whoever read our output may be gone; the child's must be read on.
            with suppress(OSError):
                self._say(line)
