"""How accurate the model is, without labels: the calibrated probability that its answers are right.

As `groupnl.traffic.estimated.expected_accuracy`: with the sum E of the probabilities of n answers, the value is E / n.
"""

from groupnl.metrics import SHADOW_EXPECTED_CORRECT
from groupnl.monitoring.promql import IS_CLEAN, IS_CORRUPTED, Z_95, counted, ratio
from groupnl.monitoring.recorded.drift import WITHDRAWN
from groupnl.monitoring.recorded.level import archives_differ
from groupnl.monitoring.recorded.mixture import HELD_BACK
from groupnl.monitoring.recording import CORRUPTION, MODEL, RECENT, named
from groupnl.monitoring.rules import Recording
from groupnl.traffic.estimated import ADDED, POSTERIOR_ERROR

# Whose answers: of all pairs without corruption, of all with one, of those of one corruption.
LIVE, CORRUPTED = "live_accuracy", "corrupted_accuracy"


def estimate_rules() -> list[Recording]:
    """Of the last hours; nothing where the traffic is broken, or several archives answered."""
    pairs = named(MODEL, "pairs", RECENT)
    clean, corrupted = (counted(SHADOW_EXPECTED_CORRECT, MODEL, RECENT, where) for where in (IS_CLEAN, IS_CORRUPTED))
    by_corruption = counted(SHADOW_EXPECTED_CORRECT, CORRUPTION, RECENT, IS_CORRUPTED)
    return [
        *_estimate(MODEL, LIVE, clean, pairs),
        *_estimate(MODEL, CORRUPTED, corrupted, pairs),
        *_estimate(CORRUPTION, CORRUPTED, by_corruption, named(CORRUPTION, "pairs", RECENT)),
    ]


def _estimate(labels: str, figure: str, expected: str, pairs: str) -> list[Recording]:
    sums, value = named(labels, f"{figure}_sum", RECENT), named(labels, f"{figure}_estimate", RECENT)
    middle = f"({sums} + {ADDED:g}) / ({pairs} + {2 * ADDED:g})"
    chance = f"(1 / ({pairs} + {2 * ADDED:g}) + on (model) group_left () 1 / {HELD_BACK})"
    half = f"{Z_95:g} * sqrt({middle} * (1 - {middle}) * {chance} + {POSTERIOR_ERROR**2:g})"
    return [
        Recording(sums, f"{expected}\nunless on (model) ({WITHDRAWN} > 0 or {archives_differ(RECENT)})"),
        Recording(value, ratio(sums, pairs)),
        *[
            Recording(
                named(labels, f"{figure}_estimate_{end}", RECENT),
                f"clamp(\n  {middle}\n{sign} {half}\n, 0, 1)\nand {value}",
            )
            for end, sign in (("lower", "-"), ("upper", "+"))
        ],
    ]
