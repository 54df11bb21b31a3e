"""Pairs, agreement with its interval, and what drops may hide."""

from groupnl.metrics import (
    SHADOW_DROPPED,
    SHADOW_FLIPS,
    SHADOW_GROUP_KEPT,
    SHADOW_PAIRS,
    SHADOW_SAMPLED,
    SHADOW_TOP5_KEPT,
)
from groupnl.monitoring.promql import OF_CELLS, counted, ratio, wilson
from groupnl.monitoring.recording import CELL, CORRUPTION, DROP_WINDOW, LONG_SPANS, MODEL, SPANS, named
from groupnl.monitoring.rules import Recording


def agreement_rules() -> list[Recording]:
    """By model, corruption and cell, since the start and of late."""
    by_labels = [rule for span in SPANS for labels in (MODEL, CORRUPTION, CELL) for rule in _agreement(labels, span)]
    dropped = [_dropped(span) for span in (DROP_WINDOW, *SPANS)]
    return [*by_labels, *dropped, *[rule for span in SPANS for rule in _whatever_was_dropped(span)]]


def long_agreement_rules() -> list[Recording]:
    """By model and corruption, of a day and of a week."""
    return [rule for span in LONG_SPANS for rule in _long_agreement(span)]


def _agreement(labels: str, span: str) -> list[Recording]:
    pairs, where = named(labels, "pairs", span), OF_CELLS if labels == CELL else ""
    kept = {"group_agreement": SHADOW_GROUP_KEPT, "top5_kept": SHADOW_TOP5_KEPT}
    return [
        Recording(pairs, counted(SHADOW_PAIRS, labels, span, where)),
        Recording(named(labels, "flips", span), counted(SHADOW_FLIPS, labels, span, where)),
        *_share_that_stays(labels, span),
        *[
            Recording(named(labels, name, span), ratio(counted(family, labels, span, where), pairs))
            for name, family in kept.items()
        ],
    ]


def _long_agreement(span: str) -> list[Recording]:
    """A model's counts are added up from its corruptions': the samples of a week are read once."""
    counts = {"pairs": SHADOW_PAIRS, "flips": SHADOW_FLIPS}
    return [
        *[
            Recording(named(CORRUPTION, name, span), counted(family, CORRUPTION, span))
            for name, family in counts.items()
        ],
        *[Recording(named(MODEL, name, span), f"sum by (model) ({named(CORRUPTION, name, span)})") for name in counts],
        *[rule for labels in (MODEL, CORRUPTION) for rule in _share_that_stays(labels, span)],
        _dropped(span),
        *_whatever_was_dropped(span),
    ]


def _share_that_stays(labels: str, span: str) -> list[Recording]:
    pairs, agreement = named(labels, "pairs", span), named(labels, "agreement", span)
    return [
        Recording(agreement, f"1 - {ratio(named(labels, 'flips', span), pairs)}"),
        Recording(named(labels, "agreement_lower", span), wilson(agreement, pairs, -1)),
        Recording(named(labels, "agreement_upper", span), wilson(agreement, pairs, 1)),
    ]


def _dropped(span: str) -> Recording:
    dropped, sampled = (counted(family, MODEL, span) for family in (SHADOW_DROPPED, SHADOW_SAMPLED))
    return Recording(named(MODEL, "dropped_shadows", span), ratio(dropped, sampled))


def _whatever_was_dropped(span: str) -> list[Recording]:
    """Where agreement lies if all that was dropped had flipped, or none of it: no assumption is needed for these."""
    agreement, dropped = named(MODEL, "agreement", span), named(MODEL, "dropped_shadows", span)
    least = named(MODEL, "agreement_least", span)
    return [
        Recording(least, f"{agreement} * (1 - {dropped})"),
        Recording(named(MODEL, "agreement_most", span), f"{least} + {dropped}"),
    ]
