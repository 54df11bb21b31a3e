"""The processes that torchrun started, on one machine or on several.

The first hands out, and has a process beside it that counts; the others reach it by TCP. torchrun's store tells them
its port and a key, without which nobody is let in. Nothing else of torch.distributed is used.
"""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import torch
from torch import distributed
from torch.distributed.rendezvous import rendezvous

from groupnl.base.child_process import end_with_parent
from groupnl.validation.crew.door import Door, enter
from groupnl.validation.crew.job import FoundOf, Job, PieceOf, Team
from groupnl.validation.crew.linked import Linked, Member
from groupnl.validation.crew.member import Link, work
from groupnl.validation.crew.processes import started

_DOOR = "groupnl/door"
_MEET = timedelta(minutes=10)  # machines start unevenly


class Torchrun:
    """The first of the processes, as it is to hand out.

    Args:
        door: where the others knock.
        others: how many there are.
    """

    def __init__(self, door: Door, others: int) -> None:
        self._door = door
        self._outside = others

    def cores(self, device: torch.device) -> int:
        """See `Crew`: torchrun lets each process have one, unless OMP_NUM_THREADS says another number."""
        return torch.get_num_threads()

    @contextmanager
    def at_work(self, job: Job[PieceOf, FoundOf]) -> Iterator[Team[PieceOf, FoundOf]]:
        """See `Crew`."""
        with ExitStack() as ends:
            members = [started(job, distributed.get_node_local_rank(), ends)]
            for number, link in enumerate(self._let_in(), start=2):
                members.append(Member(f"process {number} of torchrun", link))
                ends.callback(members[-1].close)
                members[-1].send(job)
            yield Linked(members)

    def dismiss(self) -> None:
        """Let those go that were given no job, because there was nothing to count."""
        for link in self._let_in():
            link.close()

    def _let_in(self) -> Iterator[Link]:
        while self._outside:
            link = self._door.let_in()
            self._outside -= 1
            yield link


@contextmanager
def met() -> Iterator[Torchrun | None]:
    """Meet the other processes; None: this one is not the first, and has worked for it until all was counted.

    Raises:
        ConfigError: the first one cannot be reached.
    """
    end_with_parent(signal.SIGKILL)  # a killed torchrun would else leave processes that go on
    store, rank, size = next(rendezvous("env://", timeout=_MEET))
    if rank == 0:
        # The store is at the first process's machine, by the name under which the others reach it.
        with Door(store.host, backlog=size) as door:
            store.set(_DOOR, door.told)
            first = Torchrun(door, size - 1)
            yield first
            first.dismiss()
        return
    # After a restart the store is the same, and may still tell of the first process of before.
    with enter(store.host, lambda: store.get(_DOOR).decode(), _MEET.total_seconds()) as link:
        work(link, distributed.get_node_local_rank())
    yield None
