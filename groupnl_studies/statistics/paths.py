"""Histories of the paired comparison, all looks at once."""

import numpy as np
from numpy.typing import NDArray

from groupnl.robustness.statistics import needed_lead

_Outcomes = NDArray[np.int8]


def ever_decides(outcomes: _Outcomes) -> bool:
    """Whether somebody who looks after every pair sees a verdict at some time.

    Args:
        outcomes: int8 (pairs,), in their order: 1 only the model kept its answer, -1 only its reference, 0 neither or
            both.
    """
    informative = outcomes[outcomes != 0]
    lead = np.abs(np.cumsum(informative, dtype=np.int64))
    return bool((lead >= bounds(len(informative))).any())


def bounds(informative: int) -> NDArray[np.float64]:
    """The lead that decides after 1, 2, ... so many informative pairs."""
    while len(_BOUNDS) < informative:
        _BOUNDS.append(needed_lead(len(_BOUNDS) + 1))
    return np.asarray(_BOUNDS[:informative])


_BOUNDS: list[float] = []
