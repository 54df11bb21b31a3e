"""What a part has found so far: a file that is whole at every moment, so that a part may be ended at any."""

import json
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from groupnl.base.atomic_file import write_whole

_LINE = 300  # characters of a sentence that are said; compilers' errors are pages


class Findings:
    """Where a part puts what it finds; any thread may.

    Args:
        file: for the findings, as JSON.
        limit_s: after so many seconds the part should not begin anything new.
        lines: gets what is said meanwhile.
    """

    def __init__(self, file: Path, limit_s: float, lines: TextIO) -> None:
        self._file = file
        self._lines = lines
        self._deadline = time.monotonic() + limit_s
        self._lock = threading.Lock()
        self._content: dict[str, Any] = {"problems": [], "left_out": [], "not_reached": [], "figures": {}}

    @property
    def left_s(self) -> float:
        """Seconds that are left for what is not begun yet; below 0 when there is no time."""
        return self._deadline - time.monotonic()

    @property
    def is_good(self) -> bool:
        """Whether there was no problem so far."""
        return not self._content["problems"]

    def say(self, line: str) -> None:
        """A line for whoever watches."""
        with self._lock:
            self._lines.write(f"{line}\n")
            self._lines.flush()

    def put(self, name: str, value: Any) -> None:
        """A figure, or several: anything that JSON takes."""
        with self._lock:
            self._content["figures"][name] = value
            self._write()

    def add(self, name: str, row: Any) -> None:
        """A row of a table."""
        with self._lock:
            self._content["figures"].setdefault(name, []).append(row)
            self._write()

    def problem(self, sentence: str) -> None:
        """Something that is not as it should be: the part fails, and goes on."""
        self._tell("problems", "problem", sentence)

    def left_out(self, sentence: str) -> None:
        """Something that cannot be done here, and why; no problem."""
        self._tell("left_out", "left out", sentence)

    def not_reached(self, what: str) -> None:
        """Something for which no time was left."""
        self._tell("not_reached", "not reached", what)

    @contextmanager
    def trying(self, what: str) -> Iterator[None]:
        """What goes wrong in the block is a problem of this; its traceback goes to the log, and work goes on."""
        try:
            yield
        except Exception as error:  # of compilers and of CUDA, too
            traceback.print_exc()
            self.problem(f"{what}: {type(error).__name__}: {error}")

    def _tell(self, kind: str, word: str, sentence: str) -> None:
        with self._lock:
            self._content[kind].append(sentence)
            self._write()
        self.say(f"{word}: {sentence.splitlines()[0][:_LINE]}")

    def _write(self) -> None:
        write_whole(self._file, json.dumps(self._content) + "\n")


def read_findings(file: Path) -> dict[str, Any]:
    """What a part has written so far; nothing where it has not written yet."""
    try:
        content: dict[str, Any] = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    return content
