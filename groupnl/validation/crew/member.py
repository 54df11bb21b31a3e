"""One of several processes that count: `groupnl.validation.crew.member FD ORDINAL`, run by `groupnl.base.bound`.

It gets the job, then piece after piece, and ends when the other end of the connection is closed.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from groupnl.base.termination import ending_in_order
from groupnl.errors import GroupNLError
from groupnl.validation.crew.job import Job
from groupnl.validation.crew.messages import Answered, Failed, Found, Wish

Link = Connection
"""Between two processes; each sends `messages` to the other."""


def main() -> None:
    """Work for the process that started this one."""
    with ending_in_order(), Connection(int(sys.argv[1])) as link:
        work(link, int(sys.argv[2]))


def work(link: Link, ordinal: int) -> None:
    """Count what is handed over, until the other end is closed.

    Args:
        link: to the process that hands out.
        ordinal: see `Job.opened`.
    """
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            job: Job[Any, Any] = link.recv()
            with job.opened(ordinal) as count:
                while True:
                    for found in count(_handed(link), lambda images: link.send(Answered(images))):
                        link.send(Found(found))
        except GroupNLError as error:
            link.send(Failed(str(error)))
            link.recv()  # what was sent is lost if this end is closed first


def _handed(link: Link) -> Iterator[Any]:
    """Pieces, until there is none now; the first is waited for."""
    link.send(Wish(patient=True))
    while (piece := link.recv()) is not None:
        yield piece
        link.send(Wish(patient=False))


if __name__ == "__main__":
    main()
