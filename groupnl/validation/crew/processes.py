"""Several processes of this machine."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import Pipe

import torch

from groupnl.base.child_process import bound_command
from groupnl.validation.crew.job import FoundOf, Job, PieceOf, Team
from groupnl.validation.crew.linked import Linked, Member

_MODULE = "groupnl.validation.crew.member"


class Processes:
    """So many processes count, and this one hands out.

    Args:
        count: of them.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def cores(self, device: torch.device) -> int:
        """See `Crew`."""
        return max(1, torch.get_num_threads() // self._count)

    @contextmanager
    def at_work(self, job: Job[PieceOf, FoundOf]) -> Iterator[Team[PieceOf, FoundOf]]:
        """See `Crew`."""
        with ExitStack() as ends:
            yield Linked([started(job, ordinal, ends) for ordinal in range(self._count)])


def started(job: Job[PieceOf, FoundOf], ordinal: int, ends: ExitStack) -> Member:
    """A process that has been given its job; it is ended with `ends`, and whenever this process is.

    A terminal's Ctrl-C does not reach it: it has a group of its own.
    """
    ours, theirs = Pipe()
    with theirs:
        process = subprocess.Popen(  # noqa: S603 (no shell, nothing that a client sends)
            bound_command(_MODULE, str(theirs.fileno()), str(ordinal)),
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
    member = Member(f"process {ordinal + 1} ({process.pid})", ours, process)
    ends.callback(member.close)
    member.send(job)
    return member
