"""How far long work is: a bar on a terminal; elsewhere, e.g. in a log, a line now and then."""

import io
import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

from tqdm import tqdm

LINES_S = 30.0  # at least so long between two lines, and before the first: short work says nothing
_LINE = "{l_bar} {n_fmt} of {total_fmt}{unit}, {elapsed} passed, {remaining} left{postfix}"


def progress(
    items: Iterable[Any] | None = None,
    *,
    unit: str,
    title: str = "",
    total: int | None = None,
    done: int = 0,
    stays: bool = True,
    silent: bool = False,
    large: bool = False,
) -> "tqdm[Any]":
    """What tells of the work on stderr: to be iterated over, or to be updated in a `with` block.

    Args:
        items: that are worked on; None: `update` says what is done.
        unit: what is counted, in the plural.
        title: before the figures.
        total: how many there are; None: as many as items, or not known yet.
        done: of them, before this run.
        stays: the bar is left on the terminal.
        silent: nothing is told.
        large: the numbers are shortened, and the speed is the mean of a longer time.
    """
    terminal = sys.stderr.isatty()
    place: dict[str, Any] = {} if terminal else {"file": _Lines(sys.stderr), "bar_format": _LINE, "ascii": True}
    return tqdm(
        items,
        title or None,
        total=total,
        initial=done,
        unit=f" {unit}",
        leave=stays,
        disable=silent,
        unit_scale=large,
        smoothing=0.05 if large else 0.3,
        **place,
    )


class _Lines(io.TextIOBase):
    """What a bar draws again and again, each a line of its own, and most left out."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last_s = time.monotonic()

    def write(self, drawn: str) -> int:
        """Pass a line on, or drop it."""
        now, line = time.monotonic(), drawn.strip()
        if line and now - self._last_s >= LINES_S:
            self._last_s = now
            self._out.write(f"{line}\n")
            self._out.flush()
        return len(drawn)
