"""A kind of traffic that is simulated: one file each, listed in `groupnl_studies.statistics.streams`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from groupnl_studies.statistics.finding import Finding


@dataclass(frozen=True)
class Stream:
    """One kind of traffic, and what is asked of it.

    Attributes:
        name: for `--only`.
        summary: what is simulated, in a line.
        runs: simulated histories of each case, unless `--runs` says otherwise.
        simulate: (runs, rng) -> findings, each as soon as it is there. What takes longer than seconds tells how far it
            is: `groupnl.base.progress`.
    """

    name: str
    summary: str
    runs: int
    simulate: Callable[[int, np.random.Generator], Iterator[Finding]]
