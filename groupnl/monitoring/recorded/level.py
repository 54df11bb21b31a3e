"""What agreement is expected, how far the flips go beyond it, and whether the pairs are enough to tell."""

from statistics import NormalDist

from groupnl.metrics import BUILD_INFO, OFFLINE_AGREEMENT, SHADOW_FLIPS, SHADOW_PAIRS
from groupnl.monitoring.promql import counted
from groupnl.monitoring.recording import (
    AGREEMENT_MARGIN,
    CORRUPTION,
    LEVEL_SPANS,
    LONG_INTERVAL,
    LONG_SPANS,
    MODEL,
    RECENT,
    WEEK,
    Baseline,
    named,
)
from groupnl.monitoring.rules import Recording

# The fall that a week's pairs are to tell, and in how many cases.
FALL = 0.1
POWER = 0.75
# Below so many pairs in a window nothing is said.
LEAST_POOLED_PAIRS = 150
# Standard errors beyond the margin, of all corruptions together. A longer window holds fewer separate looks.
Z_OF_SPANS = dict(zip(LEVEL_SPANS, (3.0, 2.5, 1.75), strict=True))
# The sequential test: flips beyond the expected ones and this share of the pairs are summed, never below 0 ...
DRIFT = 0.1
# ... until there are so many. It takes some 250 pairs with 20 points more flips than expected. Without a change it
# takes more than 10^9 pairs, with one of 5 points some 10^6. The sum ends at twice that, so that it comes back.
EXCESS = 25.0
REMEMBERED = "1h"  # how long the sum outlives a Prometheus that does not compute

EXCESS_FLIPS = named(MODEL, "excess_flips", LONG_INTERVAL)


def level_rules(baseline: Baseline) -> list[Recording]:
    """The usual agreement of each corruption, and what is expected of all together in the last hours.

    Args:
        baseline: what is usual.
    """
    return [_usual(baseline), _expected(baseline, RECENT), archives_rule(RECENT)]


def long_level_rules(baseline: Baseline) -> list[Recording]:
    """What is expected of all corruptions together in a day and in a week, the sequential test, the pairs needed."""
    of_spans = [rule for span in LONG_SPANS for rule in (_expected(baseline, span), archives_rule(span))]
    return [*of_spans, _excess(), *_needed()]


def _usual(baseline: Baseline) -> Recording:
    """Of the service's own past the lower end of the interval: it has an error as today's figure has."""
    offline = f"max by ({CORRUPTION}) ({OFFLINE_AGREEMENT.name})"
    own = f"{named(CORRUPTION, 'agreement_lower', WEEK)} offset {WEEK}"
    return Recording(named(CORRUPTION, "usual_agreement"), offline if baseline == "offline" else own)


def _expected(baseline: Baseline, span: str) -> Recording:
    """The mean of what is usual, weighted with the pairs; nothing where a corruption with pairs has nothing usual."""
    expected = named(MODEL, "expected_agreement", span)
    if baseline == "own":
        return Recording(expected, f"{named(MODEL, 'agreement_lower', WEEK)} offset {WEEK}")
    usual, pairs = named(CORRUPTION, "usual_agreement"), named(CORRUPTION, "pairs", span)
    return Recording(
        expected,
        f"  sum by (model) ({pairs} * {usual})\n/\n  (sum by (model) ({pairs}) > 0)\n"
        f"unless\n  group by (model) ({pairs} > 0 unless {usual})",
    )


def archives_rule(span: str) -> Recording:
    """How many archives were served as a model: what is usual is of the last one, and a window's pairs are of all."""
    served = f"group by (model, archive_sha256) (last_over_time({BUILD_INFO.name}[{span}]))"
    return Recording(named(MODEL, "archives", span), f"count by (model) ({served})")


def archives_differ(span: str) -> str:
    """The condition that a window's pairs are of several archives: they are not what is usual of one."""
    return f"{named(MODEL, 'archives', span)} > 1"


def _excess() -> Recording:
    """A cumulative sum (Page's CUSUM, Biometrika 41, 1954), which goes on from its own last value.

    It begins anew with another archive: on thin traffic it would tell of the one before for days.
    """
    flips, pairs = (counted(family, MODEL, LONG_INTERVAL) for family in (SHADOW_FLIPS, SHADOW_PAIRS))
    allowed = f"(1 - {named(MODEL, 'expected_agreement', WEEK)} + {DRIFT:g})"
    return Recording(
        EXCESS_FLIPS,
        f"clamp(\n  (\n    last_over_time({EXCESS_FLIPS}[{REMEMBERED}]) unless {archives_differ(RECENT)}\n"
        f"    or {flips} * 0\n  )\n"
        f"+ {flips}\n- {pairs}\n  * {allowed}\n, 0, {2 * EXCESS:g})",
    )


def _needed() -> list[Recording]:
    """Pairs of a week by which a fall is told as often as `POWER` says, and whether there are fewer."""
    fallen = f"clamp_min({named(MODEL, 'expected_agreement', WEEK)} - {FALL:g}, 0)"
    factor = ((Z_OF_SPANS[WEEK] + NormalDist().inv_cdf(POWER)) / (FALL - AGREEMENT_MARGIN)) ** 2
    needed = named(MODEL, "pairs_needed", WEEK)
    return [
        Recording(needed, f"clamp_min({factor:.6g} * {fallen} * (1 - {fallen}), {LEAST_POOLED_PAIRS})"),
        Recording(named(MODEL, "alert_is_thin", WEEK), f"{named(MODEL, 'pairs', WEEK)} < bool {needed}"),
    ]
