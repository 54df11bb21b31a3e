"""What the twin test needs to find a difference that there is: the table of `groupnl.robustness.power`, computed."""

from collections.abc import Iterator, Sequence

import numpy as np

from groupnl.robustness.power import DISCORDANCE, NEEDED
from groupnl.robustness.statistics import needed_lead
from groupnl_studies.statistics.finding import Finding, share_of
from groupnl_studies.statistics.paths import bounds
from groupnl_studies.statistics.stream import Stream

_SHARES = (0.5, 0.9)


def informative_needed(win: float, shares: Sequence[float] = _SHARES) -> list[int]:
    """How many informative pairs it takes until these shares of all comparisons are decided.

    Exact: after each pair the probability of every lead that does not decide yet is carried on.

    Args:
        win: probability that an informative pair speaks for the model, 0 to 1, not 0.5.
        shares: ascending, below 1.
    """
    needed: list[int] = []
    leads = np.ones(1)  # probability of -reach, ..., reach
    count = 0
    while len(needed) < len(shares):
        count += 1
        leads = np.convolve(leads, [1 - win, 0, win])
        reach = len(leads) // 2
        decided = max(0, reach + 1 - int(np.ceil(needed_lead(count))))  # at either end
        leads = leads[decided : len(leads) - decided]
        while len(needed) < len(shares) and 1 - leads.sum() >= shares[len(needed)]:
            needed.append(count)
    return needed


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    for row in NEEDED:
        case = f"{100 * row.difference:g} points, {DISCORDANCE:g} of the pairs informative"
        win = (1 + row.difference / DISCORDANCE) / 2
        told = (row.informative, row.informative_surely)
        for share, table, exact in zip(_SHARES, told, informative_needed(win), strict=True):
            figure = f"informative pairs, {100 * share:g} % decided"
            yield Finding(case, figure, exact, "", at_most=table, at_least=table)
        lead = np.cumsum(np.where(rng.random((runs, row.informative)) < win, 1, -1), axis=1)
        decided = int((np.abs(lead) >= bounds(row.informative)).any(axis=1).sum())
        yield share_of(case, "simulated: decided by the first of them", decided, runs, at_most=0.55, at_least=0.45)


STREAM = Stream("power", "what the twin test needs for a difference that there is", 1000, _simulate)
