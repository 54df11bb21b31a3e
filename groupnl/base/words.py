"""Numbers as people write them on the command line, and nothing else that Python would take for one."""

import argparse
import math
import re
import sys
from typing import NoReturn

_WHOLE = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_LARGEST = 2**63 - 1  # that torch, NumPy and Java hold


def whole_number(word: str) -> int:
    """The whole number that a word is.

    Raises:
        ArgumentTypeError: it is none: other digits than 0 to 9, `1_0`; or it has more of them than programs hold.
    """
    if not _WHOLE.fullmatch(word):
        raise argparse.ArgumentTypeError(f"{word!r}: it must be a whole number")
    if len(word) > len(str(_LARGEST)) + 1 or abs(int(word)) > _LARGEST:
        raise argparse.ArgumentTypeError(f"{word}: it is too large a number")
    return int(word)


def number(word: str) -> float:
    """The finite number that a word is.

    Raises:
        ArgumentTypeError: it is none: `nan`, `inf`, other digits than 0 to 9, `1_0`; or one too large for a float.
    """
    if not _NUMBER.fullmatch(word):
        raise argparse.ArgumentTypeError(f"{word!r}: it must be a number")
    value = float(word)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{word}: it is too large a number")
    return value


class Parser(argparse.ArgumentParser):
    """A parser whose options are not abbreviated, and whose `type=int` and `type=float` are the numbers above.

    Args:
        prog: the command, as it is typed.
        error_status: with which the program ends where the words cannot be used.
        how: the rest, as for argparse.
    """

    def __init__(self, prog: str, error_status: int = 2, **how: object) -> None:
        super().__init__(prog, allow_abbrev=False, **how)  # type: ignore[arg-type]
        self._error_status = error_status
        self.register("type", int, whole_number)
        self.register("type", float, number)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        self.print_usage(sys.stderr)
        self.exit(self._error_status, f"{self.prog}: error: {message}\n")
