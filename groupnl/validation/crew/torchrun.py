"""The processes that torchrun started, on one machine or on several.

The first hands out, and has a process beside it that counts; the others reach it by TCP. torchrun's store tells them
its port and a key, without which nobody is let in. Nothing else of torch.distributed is used.
"""

import secrets
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener

import torch
from torch import distributed
from torch.distributed.rendezvous import rendezvous

from groupnl.base.child_process import end_with_parent
from groupnl.validation.crew.job import FoundOf, Job, PieceOf, Team
from groupnl.validation.crew.linked import Linked, Member
from groupnl.validation.crew.member import Link, work
from groupnl.validation.crew.processes import started

_PORT, _KEY = "groupnl/port", "groupnl/key"
_MEET = timedelta(minutes=10)  # machines start unevenly


class Torchrun:
    """The first of the processes, as it is to hand out.

    Args:
        listener: where the others knock.
        others: how many there are.
    """

    def __init__(self, listener: Listener, others: int) -> None:
        self._listener = listener
        self._others = others

    def cores(self, device: torch.device) -> int:
        """See `Crew`: torchrun lets each process have one, unless OMP_NUM_THREADS says another number."""
        return torch.get_num_threads()

    @contextmanager
    def at_work(self, job: Job[PieceOf, FoundOf]) -> Iterator[Team[PieceOf, FoundOf]]:
        """See `Crew`."""
        with ExitStack() as ends:
            members = [started(job, distributed.get_node_local_rank(), ends)]
            for number in range(self._others):
                link = self._next()
                members.append(Member(f"process {number + 2} of torchrun", link))
                ends.callback(members[-1].close)
                link.send(job)
            yield Linked(members)

    def _next(self) -> Link:
        """Another process that has the key."""
        while True:
            with suppress(AuthenticationError, EOFError, ConnectionResetError):  # a stranger
                return self._listener.accept()


@contextmanager
def met() -> Iterator[Torchrun | None]:
    """Meet the other processes; None: this one is not the first, and has worked for it until all was counted."""
    end_with_parent(signal.SIGKILL)  # a killed torchrun would else leave processes that go on
    store, rank, size = next(rendezvous("env://", timeout=_MEET))
    if rank == 0:
        key = secrets.token_hex()
        # The store is at the first process's machine, by the name under which the others reach it.
        with Listener((store.host, 0), "AF_INET", backlog=size, authkey=key.encode()) as listener:
            store.set(_KEY, key)
            store.set(_PORT, str(listener.address[1]))
            yield Torchrun(listener, size - 1)
        return
    key, port = store.get(_KEY), int(store.get(_PORT))
    with Client((store.host, port), "AF_INET", authkey=key) as link:
        work(link, distributed.get_node_local_rank())
    yield None
