"""A log that tells each kind of fault once: shadow requests go on failing for as long as their reason lasts."""

import logging
import re

_WITH_DIGITS = re.compile(r"\w*\d\w*")


class TellOnce:
    """Logs faults, each kind once.

    Args:
        logger: of the module that they happen in.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._told: set[str] = set()

    def __call__(self, error: Exception, message: str, *args: object) -> None:
        """Log an exception with its traceback, unless one of its kind was logged before.

        Args:
            error: its class and text are its kind. Numbers in the text do not matter: they tell how much memory was
                asked for, or an address, and would make a new kind of each fault.
            message: what failed, as for `logging`; part of the kind.
            args: of the message.
        """
        kind = _WITH_DIGITS.sub("#", f"{message % args}: {type(error).__name__}: {error}")
        if kind not in self._told:
            self._told.add(kind)
            self._logger.error(f"{message}; later faults of this kind are only counted", *args, exc_info=error)
