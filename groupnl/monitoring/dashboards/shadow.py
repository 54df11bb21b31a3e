"""The panels on the shadow path: whether robustness is being measured at all."""

from collections.abc import Sequence

from groupnl.metrics import (
    SHADOW_DROPPED,
    SHADOW_LAG_SECONDS,
    SHADOW_PAIRS,
    SHADOW_QUEUE_LENGTH,
    SHADOW_SAMPLED,
    Family,
)
from groupnl.monitoring.alerts import DROP_LIMIT
from groupnl.monitoring.dashboards.panels import COUNT, RATE, SECONDS, SHARE, AnyPanel, Query, Text, limit_line, lines
from groupnl.monitoring.dashboards.queries import MODEL, RATE_WINDOW, recorded
from groupnl.monitoring.promql import quantile
from groupnl.monitoring.recording import DROP_WINDOW, named
from groupnl.monitoring.recording import MODEL as BY_MODEL


def shadow_row() -> Sequence[AnyPanel]:
    """Sampled, answered again, dropped, waiting, late."""
    return [_flow(), _reasons(), _drop_share(), _waiting()]


def _rate(family: Family, by: str) -> str:
    return f"sum by ({by}) (rate({family.name}{{{MODEL}}}[{RATE_WINDOW}]))"


def _flow() -> AnyPanel:
    text = Text(
        "Images sampled and answered again",
        "The two lie on each other while all goes well. The share that is sampled is set in the archive or at "
        "the start.",
        6,
        8,
        "shadows are off",
    )
    families = {"sampled": SHADOW_SAMPLED, "answered again": SHADOW_PAIRS}
    return lines(text, [Query(name, _rate(family, "model")) for name, family in families.items()], RATE)


def _reasons() -> AnyPanel:
    text = Text(
        "Dropped, by reason",
        "queue_full and expired: shadows gave way to live traffic. fault: an error, told once in the log.",
        6,
        8,
        "shadows are off",
    )
    return lines(text, [Query("{{reason}}", _rate(SHADOW_DROPPED, "reason"))], RATE, stacked=True)


def _drop_share() -> AnyPanel:
    text = Text(
        f"Share dropped, last {DROP_WINDOW}",
        "Above the red line for 15 minutes a ticket is written.",
        6,
        8,
        "nothing sampled",
    )
    share = recorded(named(BY_MODEL, "dropped_shadows", DROP_WINDOW))
    return limit_line(lines(text, [Query("dropped", share)], SHARE, most=1), DROP_LIMIT)


def _waiting() -> AnyPanel:
    text = Text(
        "Waiting, and how late",
        "Images in the queue (all workers), and the time from the live answer to its shadow's. Late is harmless.",
        6,
        8,
        "shadows are off",
    )
    waiting = Query("waiting", f"sum({SHADOW_QUEUE_LENGTH.name}{{{MODEL}}})", unit=COUNT)
    late = [
        Query(f"late, p{share * 100:g}", quantile(share, SHADOW_LAG_SECONDS, "model", RATE_WINDOW, MODEL))
        for share in (0.5, 0.95)
    ]
    return lines(text, [waiting, *late], SECONDS)
