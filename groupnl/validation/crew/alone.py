"""One process, this one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Generic

import torch

from groupnl.validation.crew.job import Count, FoundOf, Job, PieceOf, Team, Told


class Alone:
    """This process counts everything itself."""

    def cores(self, device: torch.device) -> int:
        """See `Crew`."""
        return torch.get_num_threads()

    @contextmanager
    def at_work(self, job: Job[PieceOf, FoundOf]) -> Iterator[Team[PieceOf, FoundOf]]:
        """See `Crew`."""
        with job.opened(0) as count:
            yield _Itself(count)


class _Itself(Generic[PieceOf, FoundOf]):
    def __init__(self, count: Count[PieceOf, FoundOf]) -> None:
        self._count = count

    def found(self, pieces: Iterable[PieceOf], told: Told) -> Iterator[FoundOf]:
        """See `Team`."""
        return self._count(pieces, told)
