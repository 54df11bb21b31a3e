"""Files of settings that are read again when they change, while the service runs."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from groupnl.errors import ConfigError

logger = logging.getLogger(__name__)
POLL_S = 1.0
# What tells that a file is another than before: its time of change, size and number; nothing while it is missing.
Sign = tuple[int, int, int] | None


class Source(Protocol):
    """What files hold."""

    @property
    def files(self) -> tuple[Path, ...]:
        """That it is read from."""

    def reload(self) -> None:
        """Read them again; raises ConfigError where that cannot be used, and keeps what it had."""


class Rereading:
    """Reads sources again.

    Args:
        sources: read already.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._signs = [(source, _signs(source)) for source in sources]

    def now(self) -> list[str]:
        """Read them all; returns what cannot be used, in sentences."""
        problems: list[str] = []
        self._signs = [(source, _reread(source, problems)) for source, _ in self._signs]
        return problems

    async def follow(self) -> None:
        """Read each that has changed, until it is cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            self._signs = [
                (source, signs if _signs(source) == signs else _reread(source, [])) for source, signs in self._signs
            ]


def _reread(source: Source, problems: list[str]) -> list[Sign]:
    """Read it, and add what cannot be used; returns what its files were like before that."""
    signs = _signs(source)
    names = ", ".join(map(str, source.files))
    try:
        source.reload()
    except ConfigError as error:
        problems.append(str(error))
        logger.error("what was read before goes on: %s", error)
    else:
        logger.info("read again: %s", names)
    return signs


def _signs(source: Source) -> list[Sign]:
    return [_sign(file) for file in source.files]


def _sign(file: Path) -> Sign:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
