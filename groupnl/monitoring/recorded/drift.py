"""How far the traffic is from the held-back images: each statistic by its ranks, the classes by their shares.

As `groupnl.traffic.drift`: the size of a difference, less what chance allows in so many images.
"""

from groupnl.metrics import EXPECTED_PREDICTED, PREDICTED, TRAFFIC_RANK
from groupnl.monitoring.promql import counted, told
from groupnl.monitoring.recorded.level import archives_differ
from groupnl.monitoring.recorded.mixture import HELD_BACK
from groupnl.monitoring.recording import (
    CLASS,
    DAY,
    LONG_TRAFFIC_SPANS,
    MODEL,
    SHORT_TRAFFIC_SPANS,
    STATISTIC,
    TRAFFIC_SPANS,
    named,
)
from groupnl.monitoring.rules import Recording
from groupnl.traffic.drift import (
    ANSWER_STATISTICS,
    BROKEN_ANSWER_MARGIN,
    CLASS_NOISE,
    GAP_NOISE,
    LEAST_ANSWERS,
    LEAST_IMAGES,
)

# Ranks of the held-back images themselves: evenly spread, at each bound of the buckets.
EVEN = named("le", "even_rank")
EXPECTED_CLASSES = told(EXPECTED_PREDICTED, CLASS)
OF_ANSWERS = f'statistic=~"{"|".join(ANSWER_STATISTICS)}"'
OF_PIXELS = f'statistic!~"{"|".join(ANSWER_STATISTICS)}"'
# Which statistics are so far off in any window that confidence says nothing, and of each model how many.
BROKEN = named(STATISTIC, "broken", DAY)
WITHDRAWN = named(MODEL, "estimate_withdrawn", DAY)


def drift_rules() -> list[Recording]:
    """Of minutes and hours."""
    return [_even(), *[rule for span in SHORT_TRAFFIC_SPANS for rule in _drift(span)]]


def long_drift_rules() -> list[Recording]:
    """Of a day."""
    return [rule for span in LONG_TRAFFIC_SPANS for rule in _drift(span)]


def _even() -> Recording:
    bucket = f"{TRAFFIC_RANK.name}_bucket"
    return Recording(
        EVEN, "\nor\n".join(f'group by (le) ({bucket}{{le="{bound}"}}) * {bound:g}' for bound in TRAFFIC_RANK.buckets)
    )


def _drift(span: str) -> list[Recording]:
    return [*_ranks(span), *_classes(span)]


def _ranks(span: str) -> list[Recording]:
    images, gap = named(STATISTIC, "ranked", span), named(STATISTIC, "rank_gap", span)
    of_each = f"sum by ({STATISTIC}) (increase({TRAFFIC_RANK.name}_count[{span}]))"
    below = f"sum by ({STATISTIC}, le) (increase({TRAFFIC_RANK.name}_bucket[{span}]))"
    share = f"{below}\n  / on ({STATISTIC}) group_left () {images}"
    noise = f"{GAP_NOISE[span]:g} * sqrt(1 / {images} + on (model) group_left () 1 / {HELD_BACK})"
    return [
        Recording(images, f"{of_each} > 0\nunless on (model) {archives_differ(span)}"),
        Recording(gap, f"max by ({STATISTIC}) (abs(\n  {share}\n- on (le) group_left () {EVEN}\n))"),
        Recording(
            named(STATISTIC, "rank_gap_beyond", span),
            f"clamp_min({gap} - {noise}, 0)\nand {images} >= {LEAST_IMAGES}",
        ),
    ]


def _classes(span: str) -> list[Recording]:
    answers, share, gap = (
        named(MODEL, "classed", span),
        named(CLASS, "predicted_share", span),
        named(MODEL, "class_gap", span),
    )
    spread = f"sum by (model) (sqrt({EXPECTED_CLASSES} * (1 - {EXPECTED_CLASSES})))"
    noise = f"{CLASS_NOISE:.6g} * {spread} * sqrt(1 / {answers} + 1 / {HELD_BACK})"
    difference = f"{share} - {EXPECTED_CLASSES}\nor\n  {share}\nor\n  {EXPECTED_CLASSES} and on (model) {answers}"
    return [
        Recording(answers, f"{counted(PREDICTED, MODEL, span)} > 0\nunless {archives_differ(span)}"),
        Recording(share, f"{counted(PREDICTED, CLASS, span)}\n/ on (model) group_left () {answers}"),
        Recording(gap, f"sum by (model) (abs(\n  {difference}\n)) / 2\nand on (model) {HELD_BACK}"),
        Recording(
            named(MODEL, "class_gap_beyond", span), f"clamp_min({gap} - {noise}, 0)\nand {answers} >= {LEAST_ANSWERS}"
        ),
    ]


def broken_rules() -> list[Recording]:
    """Whether confidence says nothing of accuracy, by any window."""
    far_off = [
        f"{named(STATISTIC, 'rank_gap_beyond', span)}{{{OF_ANSWERS}}} > {BROKEN_ANSWER_MARGIN:g}"
        for span in TRAFFIC_SPANS
    ]
    known = " or ".join(named(MODEL, "looked_at", span) for span in TRAFFIC_SPANS)
    return [
        Recording(BROKEN, "\nor\n".join(far_off)),
        Recording(WITHDRAWN, f"count by (model) ({BROKEN})\nor\n  ({known}) * 0"),
    ]
