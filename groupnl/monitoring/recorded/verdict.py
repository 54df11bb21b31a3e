"""The paired test that may be looked at any time: `groupnl.robustness.statistics.compare_paired` in PromQL."""

import math
from collections.abc import Mapping

from groupnl.monitoring.recording import named
from groupnl.monitoring.rules import Recording
from groupnl.robustness.statistics import ALPHA, RHO


def verdict_rules(labels: str, only: Mapping[str, str], test: str = "") -> list[Recording]:
    """The verdict, 1 model, -1 the other, 0 undecided, and what it rests on.

    Args:
        labels: of the comparison.
        only: names of the counts of pairs that only the model won, and only the other, in this order -> PromQL.
        test: what the figures' names begin with, where there are several tests.
    """
    better, worse = (named(labels, f"{test}{outcome}") for outcome in only)
    decisive, statistic, threshold, verdict = (
        named(labels, f"{test}{figure}")
        for figure in ("decisive_pairs", "verdict_statistic", "verdict_threshold", "verdict")
    )
    # The last "+ 0" makes 0 of -0.
    evidence = f"{2 * math.log(1 / ALPHA):.12g} + ln(({decisive} + {RHO:g}) / {RHO:g})"
    return [
        *[Recording(named(labels, f"{test}{outcome}"), expr) for outcome, expr in only.items()],
        Recording(decisive, f"{better} + {worse}"),
        Recording(statistic, f"({better} - {worse}) ^ 2"),
        Recording(threshold, f"({decisive} + {RHO:g}) * ({evidence})"),
        Recording(verdict, f"sgn({better} - {worse}) * ({statistic} >= bool {threshold}) + 0"),
    ]
