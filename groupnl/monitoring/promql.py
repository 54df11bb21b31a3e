"""Pieces of PromQL that rules and dashboards share.

Counters are summed over replicas before anything is divided. A ratio without a single case is left out, not NaN or 0.
"""

from groupnl.metrics import CLEAN, TOTAL, Family

# Since the service's start: the counters as they stand. A window: what was counted in it, across restarts.
SINCE_START = ""
# A replica whose scrape fails keeps its last counts for so long: else they would be missing in the sum, as if
# other images had come.
LAST_KNOWN = "10m"
Z_95 = 1.96

# Label matchers.
IS_CLEAN = 'corruption="{corruption}"'.format(**CLEAN)
IS_CORRUPTED = 'corruption!="{corruption}"'.format(**CLEAN)
OF_CELLS = 'severity!=""'  # replicas in less detail show the sum over severities, without the label
OF_WHOLE_BATCHES = f'stage="{TOTAL}"'
OF_STAGES = f'stage!="{TOTAL}"'


def counted(family: Family, by: str, window: str = SINCE_START, where: str = "") -> str:
    """How many, summed over replicas.

    Args:
        family: a counter.
        by: the labels that are kept, with commas.
        window: a duration of Prometheus; `SINCE_START`: all.
        where: label matchers, without braces.
    """
    series = f"{family.name}{{{where}}}" if where else family.name
    of_replicas = f"increase({series}[{window}])" if window else f"last_over_time({series}[{LAST_KNOWN}])"
    return f"sum by ({by}) ({of_replicas})"


def told(family: Family, by: str, where: str = "") -> str:
    """A gauge that all workers and replicas tell alike, also where a scrape has failed.

    Args:
        family: a gauge.
        by: the labels that are kept, with commas.
        where: label matchers, without braces.
    """
    series = f"{family.name}{{{where}}}" if where else family.name
    return f"max by ({by}) (last_over_time({series}[{LAST_KNOWN}]))"


def ratio(part: str, whole: str) -> str:
    """Part of a whole, where there is a whole. Windows extrapolate the two a little differently: hence the clamp."""
    return f"clamp(\n  {part}\n/\n  ({whole} > 0)\n, 0, 1)"


def wilson(share: str, cases: str, side: int, z: float = Z_95) -> str:
    """A bound of Wilson's interval of a share.

    Args:
        share: series in [0, 1].
        cases: series with the same labels, above 0.
        side: -1 for the lower bound, 1 for the upper one.
        z: quantile of the normal distribution.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    sign = "+" if side > 0 else "-"
    root = f"sqrt({share} * (1 - {share}) / {cases} + {z**2 / 4:.6g} / {cases} ^ 2)"
    middle = f"{share} + {z**2 / 2:.6g} / {cases}"
    return f"clamp(\n  ({middle} {sign} {z:g} * {root})\n/\n  (1 + {z**2:.6g} / {cases})\n, 0, 1)"


def quantile(share: float, family: Family, by: str, window: str, where: str = "") -> str:
    """A quantile of a histogram over a window, summed over replicas."""
    series = f"{family.name}_bucket{{{where}}}" if where else f"{family.name}_bucket"
    return f"histogram_quantile({share:g}, sum by (le, {by}) (rate({series}[{window}])))"


def mean(family: Family, by: str, window: str, where: str = "") -> str:
    """The mean of a histogram's values over a window; absent where there was none."""
    braces = f"{{{where}}}" if where else ""
    parts = [f"sum by ({by}) (increase({family.name}_{part}{braces}[{window}]))" for part in ("sum", "count")]
    return f"{parts[0]} / ({parts[1]} > 0)"
