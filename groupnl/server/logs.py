"""Where our own server writes what it does: files that roll, and warnings for the operator."""

import logging
import logging.handlers
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from groupnl.base.say import Say

SERVER_LOG = "server.log"
_MOST_BYTES = 100 * 1024 * 1024
_KEPT = 5
_ROOT = "groupnl.server"


@contextmanager
def logging_to(folder: Path, say: Say) -> Iterator[Path]:
    """Log into `folder` while it is open, and say what is a warning or worse; gives the log's file."""
    logger = logging.getLogger(_ROOT)
    file = rolling_file(folder / SERVER_LOG)
    file.setFormatter(_Printable("%(asctime)s [%(levelname)s] %(message)s"))
    shown = _Saying(say)
    shown.setFormatter(_Printable("%(asctime)s [%(levelname)s] %(message)s", "%H:%M:%S"))
    handlers = (file, shown)
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield folder / SERVER_LOG
    finally:
        logger.level, logger.propagate = before
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def rolling_file(file: Path) -> logging.handlers.RotatingFileHandler:
    """Writes a log that cannot fill the disk: beside the file some older ones are kept."""
    return logging.handlers.RotatingFileHandler(file, maxBytes=_MOST_BYTES, backupCount=_KEPT, encoding="utf-8")


class _Printable(logging.Formatter):
    """Whatever a client sent, or a library said, cannot steer a terminal or begin a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        return "".join(
            sign if sign.isprintable() else sign.encode("unicode_escape").decode()
            for sign in super().formatMessage(record)
        )


class _Saying(logging.Handler):
    """Says warnings and what is worse."""

    def __init__(self, say: Say) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # whoever read our output may be gone
            self._say(self.format(record).splitlines()[0])
