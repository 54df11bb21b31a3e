"""The recording rules: robustness without labels, against the twin, with labels, and the service itself.

Each is named once, by a function, so that alerts and dashboards cannot ask for a name that nobody records.
"""

import math
from collections.abc import Sequence

from groupnl.metrics import (
    BOTH_FLIP,
    LABELLED,
    LABELLED_CORRECT,
    MODEL_ONLY,
    PAIRED_OUTCOMES_TOTAL,
    PROBE_CORRECT,
    PROBE_IMAGES,
    REFERENCE_ONLY,
    SHADOW_DROPPED,
    SHADOW_FLIPS,
    SHADOW_PAIRS,
    SHADOW_SAMPLED,
    SHADOW_TOP5_KEPT,
    STAGE_SECONDS,
)
from groupnl.monitoring.promql import IS_CLEAN, IS_CORRUPTED, OF_WHOLE_BATCHES, SINCE_START, counted, ratio, wilson
from groupnl.monitoring.requests import FAILED, answered, rate
from groupnl.monitoring.rules import Recording
from groupnl.robustness.statistics import ALPHA, RHO

MODEL = "model"
CORRUPTION = "model, corruption"
CELL = "model, corruption, severity"
TWIN = "model, reference"
TWIN_CORRUPTION = "model, reference, corruption"

# Long enough for some hundred pairs of each corruption at a few requests per second and a share of 10 %.
RECENT = "6h"
SPANS = (RECENT, SINCE_START)

MODEL_FLIPPED = f'outcome=~"{REFERENCE_ONLY}|{BOTH_FLIP}"'
REFERENCE_FLIPPED = f'outcome=~"{MODEL_ONLY}|{BOTH_FLIP}"'

# The service's objectives.
AVAILABLE_SHARE = 0.999
FAST_SHARE = 0.99
FAST_SECONDS = 1.0  # a bound of groupnl_stage_seconds' buckets
BURN_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
DROP_WINDOW = "15m"


def named(labels: str, figure: str, span: str = SINCE_START) -> str:
    """The name of a recorded figure: ``model_corruption:agreement:6h``, or ``...:start``."""
    return f"{labels.replace(', ', '_')}:groupnl_{figure}:{span or 'start'}"


def agreement_rules() -> list[Recording]:
    """Pairs, agreement with its interval, and the share whose class stays among five; by model, corruption and cell."""
    return [rule for span in SPANS for labels in (MODEL, CORRUPTION, CELL) for rule in _agreement(labels, span)]


def _agreement(labels: str, span: str) -> list[Recording]:
    pairs, agreement = named(labels, "pairs", span), named(labels, "agreement", span)
    flipped = ratio(counted(SHADOW_FLIPS, labels, span), pairs)
    return [
        Recording(pairs, counted(SHADOW_PAIRS, labels, span)),
        Recording(agreement, f"1 - {flipped}"),
        Recording(named(labels, "agreement_lower", span), wilson(agreement, pairs, -1)),
        Recording(named(labels, "agreement_upper", span), wilson(agreement, pairs, 1)),
        Recording(named(labels, "top5_kept", span), ratio(counted(SHADOW_TOP5_KEPT, labels, span), pairs)),
    ]


def twin_rules() -> list[Recording]:
    """The label-free relative corruption error, and the paired verdict: 1 model, -1 reference, 0 undecided."""
    return [rule for span in SPANS for rule in _relative_error(span)] + _verdict()


def _relative_error(span: str) -> list[Recording]:
    by_type = named(TWIN_CORRUPTION, "relative_corruption_error", span)
    flips, base = (
        counted(PAIRED_OUTCOMES_TOTAL, TWIN_CORRUPTION, span, where) for where in (MODEL_FLIPPED, REFERENCE_FLIPPED)
    )
    return [
        Recording(
            named(TWIN_CORRUPTION, "compared_pairs", span), counted(PAIRED_OUTCOMES_TOTAL, TWIN_CORRUPTION, span)
        ),
        Recording(named(TWIN, "compared_pairs", span), counted(PAIRED_OUTCOMES_TOTAL, TWIN, span)),
        Recording(by_type, f"  {flips}\n/\n  ({base} > 0)"),
        Recording(named(TWIN, "relative_corruption_error", span), f"avg by ({TWIN}) ({by_type})"),
        Recording(named(TWIN, "relative_corruption_error_types", span), f"count by ({TWIN}) ({by_type})"),
    ]


def _verdict() -> list[Recording]:
    better, worse, decisive, statistic, threshold = (
        named(TWIN, figure)
        for figure in (MODEL_ONLY, REFERENCE_ONLY, "decisive_pairs", "verdict_statistic", "verdict_threshold")
    )
    # The last "+ 0" makes 0 of -0.
    evidence = f"{2 * math.log(1 / ALPHA):.12g} + ln(({decisive} + {RHO:g}) / {RHO:g})"
    return [
        Recording(better, counted(PAIRED_OUTCOMES_TOTAL, TWIN, where=f'outcome="{MODEL_ONLY}"')),
        Recording(worse, counted(PAIRED_OUTCOMES_TOTAL, TWIN, where=f'outcome="{REFERENCE_ONLY}"')),
        Recording(decisive, f"{better} + {worse}"),
        Recording(statistic, f"({better} - {worse}) ^ 2"),
        Recording(threshold, f"({decisive} + {RHO:g}) * ({evidence})"),
        Recording(named(TWIN, "verdict"), f"sgn({better} - {worse}) * ({statistic} >= bool {threshold}) + 0"),
    ]


def truth_rules() -> list[Recording]:
    """Errors of the probe set, the corruption error against the twin, labelled accuracy, the label-free band."""
    return [*_probe(), *_corruption_error(), *[rule for span in SPANS for rule in _labelled(span)], *_band()]


def _probe() -> list[Recording]:
    cell, by_type = named(CELL, "probe_error"), named(CORRUPTION, "probe_error")
    images = named(CELL, "probe_images")
    return [
        Recording(images, counted(PROBE_IMAGES, CELL)),
        Recording(cell, f"1 - {ratio(counted(PROBE_CORRECT, CELL), images)}"),
        Recording(by_type, f"avg by ({CORRUPTION}) ({cell})"),
        Recording(named(MODEL, "probe_error"), f"avg by ({MODEL}) ({by_type}{{{IS_CORRUPTED}}})"),
    ]


def _corruption_error() -> list[Recording]:
    """Only cells that both have seen are summed; a model's reference is the one it was compared with most."""
    cell = f"{named(CELL, 'probe_error')}{{{IS_CORRUPTED}}}"
    twin_of = f"(topk by (model) (1, {named(TWIN, 'compared_pairs')}) * 0 + 1)"
    by_reference = (
        f'sum by (reference, corruption, severity) (label_replace({cell}, "reference", "$1", "model", "(.*)"))'
    )
    own, base = (
        named(f"{TWIN_CORRUPTION}, severity", "probe_error"),
        named(f"{TWIN_CORRUPTION}, severity", "probe_error_of_reference"),
    )
    by_type = named(TWIN_CORRUPTION, "corruption_error")
    return [
        Recording(own, f"  {cell}\n* on (model) group_left (reference)\n  {twin_of}"),
        Recording(base, f"  {own} * 0\n+ on (reference, corruption, severity) group_left\n  {by_reference}"),
        Recording(
            by_type, f"  sum by ({TWIN_CORRUPTION}) ({own} and {base})\n/\n  (sum by ({TWIN_CORRUPTION}) ({base}) > 0)"
        ),
        Recording(named(TWIN, "mce"), f"avg by ({TWIN}) ({by_type})"),
    ]


def _labelled(span: str) -> list[Recording]:
    answers = named(CORRUPTION, "labelled", span)
    return [
        Recording(answers, counted(LABELLED, CORRUPTION, span)),
        Recording(
            named(CORRUPTION, "labelled_accuracy", span), ratio(counted(LABELLED_CORRECT, CORRUPTION, span), answers)
        ),
    ]


def _band() -> list[Recording]:
    """Clean accuracy of the probe set, less and more what the flips allow: a - (1 - A) and a + (1 - A)."""
    agreement = named(CORRUPTION, "agreement")
    clean_error = f"{named(CORRUPTION, 'probe_error')}{{{IS_CLEAN}}}"
    return [
        Recording(
            named(CORRUPTION, "accuracy_band_lower"),
            f"clamp_min({agreement} - on (model) group_left {clean_error}, 0)",
        ),
        Recording(
            named(CORRUPTION, "accuracy_band_upper"),
            f"clamp_max(2 - ({agreement} + on (model) group_left {clean_error}), 1)",
        ),
    ]


def service_rules() -> list[Recording]:
    """Shares of failed requests and of slow batches by window, and of dropped shadows."""
    slow = [Recording(named(MODEL, "slow_batches", window), _slow_batches(window)) for window in BURN_WINDOWS]
    failed = [
        Recording(
            f"service:groupnl_failed_requests:{window}",
            f"{rate(FAILED, window)}\n/\n({answered(window)} > 0)",
        )
        for window in BURN_WINDOWS
    ]
    dropped, sampled = (counted(family, MODEL, DROP_WINDOW) for family in (SHADOW_DROPPED, SHADOW_SAMPLED))
    return [*failed, *slow, Recording(named(MODEL, "dropped_shadows", DROP_WINDOW), ratio(dropped, sampled))]


def _slow_batches(window: str) -> str:
    fast = f'sum by (model) (rate({STAGE_SECONDS.name}_bucket{{{OF_WHOLE_BATCHES}, le="{FAST_SECONDS}"}}[{window}]))'
    everything = f"sum by (model) (rate({STAGE_SECONDS.name}_count{{{OF_WHOLE_BATCHES}}}[{window}]))"
    return f"1 - {ratio(fast, everything)}"


def recordings() -> dict[str, Sequence[Recording]]:
    """Every group, by its name; a group's rules are computed in order."""
    return {
        "groupnl_agreement": agreement_rules(),
        "groupnl_twin": twin_rules(),
        "groupnl_truth": truth_rules(),
        "groupnl_service": service_rules(),
    }
