"""Where the program begins: while its command line is being imported, Ctrl-C ends it quietly."""

import os
import signal
import sys
from types import FrameType


def main() -> int:
    """Run the command line; see `groupnl.cli.main`."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # and not ignored
        signal.signal(signal.SIGINT, _leave)
    from groupnl import cli  # a tenth of a second

    signal.signal(signal.SIGINT, before)
    return cli.main()


def _leave(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)  # there is nothing to clean up yet


if __name__ == "__main__":
    sys.exit(main())
