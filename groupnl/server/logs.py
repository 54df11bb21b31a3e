"""Where our own server writes what it does: files that roll, and warnings for the operator."""

import logging
import logging.handlers
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from groupnl.base.say import Say

SERVER_LOG = "server.log"
_MOST_BYTES = 100 * 1024 * 1024
_KEPT = 5
_ROOT = "groupnl.server"


@contextmanager
def logging_to(folder: Path, say: Say) -> Iterator[Path]:
    """Log into `folder` while it is open, and say what is a warning or worse; gives the log's file.

    Warnings of libraries go into the file alone.
    """
    logger, libraries = logging.getLogger(_ROOT), logging.getLogger()
    file = rolling_file(folder / SERVER_LOG)
    file.setFormatter(_Printable("%(asctime)s [%(levelname)s] %(message)s"))
    shown = _Saying(say)
    shown.setFormatter(_Printable("%(asctime)s [%(levelname)s] %(message)s", "%H:%M:%S"))
    warnings = logging.handlers.MemoryHandler(0, target=file)  # what it hears goes on at once
    warnings.setLevel(logging.WARNING)
    handlers = (file, shown)
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    libraries.addHandler(warnings)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield folder / SERVER_LOG
    finally:
        logger.level, logger.propagate = before
        libraries.removeHandler(warnings)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def rolling_file(file: Path) -> logging.Handler:
    """Writes a log that cannot fill the disk: beside the file some older ones are kept."""
    return _Rolling(file, maxBytes=_MOST_BYTES, backupCount=_KEPT, encoding="utf-8")


class _Rolling(logging.handlers.RotatingFileHandler):
    """A disk that takes no more costs lines, and nothing else."""

    def handleError(self, _: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        pass

    def close(self) -> None:
        with suppress(OSError):
            super().close()


class _Printable(logging.Formatter):
    """Whatever a client sent, or a library said, cannot steer a terminal or begin a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        return _printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(map(_printable, super().formatException(ei).split("\n")))


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


class _Saying(logging.Handler):
    """Says warnings and what is worse."""

    def __init__(self, say: Say) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # whoever read our output may be gone
            self._say(self.format(record).splitlines()[0])
