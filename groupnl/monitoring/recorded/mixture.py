"""What the traffic looks like: the share of each corruption, and the figures that are expected of such images.

As `groupnl.traffic.estimated.estimate`: with n images, the sum S of their weights and that of the weights' squares Q,
the value is S / n, and the interval has four images more, two of them with the weight 1.
"""

from groupnl.metrics import (
    EXPECTED_IMAGES,
    OFFLINE_ACCURACY,
    TRAFFIC_FIGURE_WEIGHT,
    TRAFFIC_LOOKS,
    TRAFFIC_SHARE_WEIGHT,
)
from groupnl.monitoring.promql import IS_CLEAN, IS_CORRUPTED, Z_95, counted, told
from groupnl.monitoring.recorded.level import archives_differ, archives_rule
from groupnl.monitoring.recording import (
    CELL,
    CORRUPTION,
    FIGURE,
    LEVEL_SPANS,
    LONG_TRAFFIC_SPANS,
    LOOKS,
    MODEL,
    SHORT_TRAFFIC_SPANS,
    named,
)
from groupnl.monitoring.rules import Recording
from groupnl.traffic.estimated import ADDED

HELD_BACK = told(EXPECTED_IMAGES, MODEL)
OFFLINE = told(OFFLINE_ACCURACY, CELL)
# What the archive was right in before packing, on images without corruption.
CLEAN_OFFLINE = told(OFFLINE_ACCURACY, MODEL, IS_CLEAN)


def mixture_rules() -> list[Recording]:
    """Of minutes and hours."""
    archives = [archives_rule(span) for span in SHORT_TRAFFIC_SPANS if span not in LEVEL_SPANS]
    return [*archives, *[rule for span in SHORT_TRAFFIC_SPANS for rule in _mixture(span)]]


def long_mixture_rules() -> list[Recording]:
    """Of a day."""
    return [rule for span in LONG_TRAFFIC_SPANS for rule in _mixture(span)]


def _mixture(span: str) -> list[Recording]:
    return [*_looks(span), *_shares(span), *_figures(span), *_losses(span)]


def _looks(span: str) -> list[Recording]:
    """How many images look how; nothing where several archives looked: the weights are of the last one."""
    cells, looks = named(CELL, "looks", span), named(LOOKS, "looks", span)
    by_kind = f'label_replace({cells}, "looks", "$1", "corruption", "(.*)")'
    return [
        Recording(cells, f"{counted(TRAFFIC_LOOKS, CELL, span)}\nunless on (model) {archives_differ(span)}"),
        Recording(looks, f"sum by ({LOOKS}) ({by_kind})"),
        Recording(named(MODEL, "looked_at", span), f"sum by (model) ({looks})"),
    ]


def _shares(span: str) -> list[Recording]:
    weight = told(TRAFFIC_SHARE_WEIGHT, f"{CORRUPTION}, looks")
    return _estimate(
        CORRUPTION, "traffic_share", span, weight, f"on ({LOOKS}) group_left {named(LOOKS, 'looks', span)}"
    )


def _figures(span: str) -> list[Recording]:
    weight = told(TRAFFIC_FIGURE_WEIGHT, f"{FIGURE}, corruption, severity")
    return _estimate(FIGURE, "traffic_expects", span, weight, f"on ({CELL}) group_left {named(CELL, 'looks', span)}")


def _estimate(labels: str, figure: str, span: str, weight: str, counts: str) -> list[Recording]:
    sums, middle, error, value = (named(labels, f"{figure}{part}", span) for part in ("_sum", "_middle", "_error", ""))
    images = named(MODEL, "looked_at", span)
    with_added = f"on (model) group_left () ({images} + {2 * ADDED:g})"
    squares = f"(sum by ({labels}) (\n  {weight} ^ 2\n* {counts}\n) + {ADDED:g})"
    chance = f"on (model) group_left () (1 / ({images} + {2 * ADDED:g}) + 1 / {HELD_BACK})"
    return [
        Recording(sums, f"sum by ({labels}) (\n  {weight}\n* {counts}\n)\nand on (model) {images} > 0"),
        Recording(value, f"clamp({sums} / on (model) group_left () {images}, 0, 1)"),
        Recording(middle, f"({sums} + {ADDED:g}) / {with_added}"),
        Recording(error, f"sqrt(clamp_min((\n{squares} / {with_added}\n- {middle} ^ 2\n) * {chance}, 0))"),
        Recording(named(labels, f"{figure}_lower", span), f"clamp(clamp({middle}, 0, 1) - {Z_95:g} * {error}, 0, 1)"),
        Recording(named(labels, f"{figure}_upper", span), f"clamp(clamp({middle}, 0, 1) + {Z_95:g} * {error}, 0, 1)"),
    ]


def _losses(span: str) -> list[Recording]:
    """What held-back images lost that were corrupted so, at the severities that live ones look to have."""
    looks = f"{named(CELL, 'looks', span)}{{{IS_CORRUPTED}}}"
    right, all_ = (f"sum by ({CORRUPTION}) ({looks} {joined} {OFFLINE})" for joined in ("*", "and"))
    expr = f"-(\n  {right}\n/\n  ({all_} > 0)\n)\n+ on (model) group_left () {CLEAN_OFFLINE}"
    return [Recording(named(CORRUPTION, "traffic_loss", span), expr)]
