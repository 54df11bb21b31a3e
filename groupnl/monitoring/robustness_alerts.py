"""The alerts on the shadow path and on what it says; nobody is woken for it."""

from groupnl.metrics import SHADOW_PAIRS, SHADOW_SAMPLED
from groupnl.monitoring.promql import counted, wilson
from groupnl.monitoring.recorded.level import EXCESS, EXCESS_FLIPS, LEAST_POOLED_PAIRS, Z_OF_SPANS, archives_differ
from groupnl.monitoring.recording import (
    AGREEMENT_MARGIN,
    CORRUPTION,
    MODEL,
    RECENT,
    SHADOW_WINDOWS,
    TWIN,
    WEEK,
    Baseline,
    named,
)
from groupnl.monitoring.rules import Alert

DROP_LIMIT = 0.2
LEAST_SAMPLED = 20
LEAST_PAIRS = 200  # of one corruption
Z_OF_ALERTS = 3.0  # nineteen corruptions are looked at again and again
KEPT = "6h"  # a ticket that has come does not come and go


def robustness_alerts(baseline: Baseline) -> list[Alert]:
    """All of them.

    Args:
        baseline: what live agreement is compared with.
    """
    usual = "what was measured before packing" if baseline == "offline" else "the service's own level of a week before"
    return [_stalled(), _dropped(), _below_usual(usual), _below_expected(usual), *_twin()]


def _stalled() -> Alert:
    conditions = [
        f"{counted(SHADOW_SAMPLED, MODEL, window)} >= {LEAST_SAMPLED}\n"
        f"unless {counted(SHADOW_PAIRS, MODEL, window)} > 0"
        for window in SHADOW_WINDOWS
    ]
    return Alert(
        "GroupNLShadowStalled",
        "\nor\n".join(f"({condition})" for condition in conditions),
        "15m",
        "ticket",
        "{{ $labels.model }}: {{ $value | humanize }} images were sampled, and none was answered again",
        f"In {' or in '.join(SHADOW_WINDOWS)}. Robustness is not measured at the moment. Clients are not affected.",
    )


def _dropped() -> Alert:
    conditions = [
        f"{named(MODEL, 'dropped_shadows', window)} > {DROP_LIMIT:g}\n"
        f"and {counted(SHADOW_SAMPLED, MODEL, window)} >= {LEAST_SAMPLED}"
        for window in SHADOW_WINDOWS
    ]
    return Alert(
        "GroupNLShadowDropsHigh",
        "\nor\n".join(f"({condition})" for condition in conditions),
        "15m",
        "ticket",
        "{{ $labels.model }}: {{ $value | humanizePercentage }} of the sampled images were dropped",
        f"In {' or in '.join(SHADOW_WINDOWS)}. The shadows give way to live traffic, or fail. The figures stay right "
        "while drops are by chance, but fill more slowly.",
    )


def _below_usual(usual: str) -> Alert:
    agreement, pairs = (named(CORRUPTION, figure, RECENT) for figure in ("agreement", "pairs"))
    upper = wilson(agreement, pairs, 1, Z_OF_ALERTS).replace("\n", "\n  ")
    level = named(CORRUPTION, "usual_agreement")
    return Alert(
        "GroupNLAgreementBelowOffline",
        f"  {agreement}\nand (\n  {upper}\n  < {level} - {AGREEMENT_MARGIN:g}\n)\nand {pairs} > {LEAST_PAIRS}\n"
        f"unless on (model) {archives_differ(RECENT)}",
        "30m",
        "ticket",
        "{{ $labels.model }}, {{ $labels.corruption }}: only {{ $value | humanizePercentage }} of the answers stay",
        f"Even the upper end of the interval (z = {Z_OF_ALERTS:g}) of the last {RECENT} is more than "
        f"{AGREEMENT_MARGIN * 100:g} points below {usual}. Agreement is not accuracy.",
        KEPT,
    )


def _below_expected(usual: str) -> Alert:
    """Each window tells what the shorter ones cannot; the sequential test tells of large changes sooner."""
    windows = [_below(span, z) for span, z in Z_OF_SPANS.items()]
    excess = f"{named(MODEL, 'agreement', WEEK)}\nand {EXCESS_FLIPS} > {EXCESS:g}\nunless {archives_differ(RECENT)}"
    return Alert(
        "GroupNLAgreementBelowExpected",
        "\nor\n".join([*windows, excess]),
        "30m",
        "ticket",
        "{{ $labels.model }}: only {{ $value | humanizePercentage }} of the answers stay, over all corruptions",
        f"In {', '.join(Z_OF_SPANS)}, or by the sequential test: surely more than {AGREEMENT_MARGIN * 100:g} points "
        f"below {usual}. Agreement is not accuracy.",
        KEPT,
    )


def _below(span: str, z: float) -> str:
    agreement, pairs, expected = (named(MODEL, figure, span) for figure in ("agreement", "pairs", "expected_agreement"))
    upper = wilson(agreement, pairs, 1, z)
    return (
        f"{agreement}\nand (\n{upper}\n< {expected} - {AGREEMENT_MARGIN:g}\n)\nand {pairs} >= {LEAST_POOLED_PAIRS}\n"
        f"unless {archives_differ(span)}"
    )


def _twin() -> list[Alert]:
    """That the reference is steadier says nothing of who is right: that it is the better one takes the probe's word."""
    steadier, agrees = f"{named(TWIN, 'verdict')} == -1", f"{named(TWIN, 'mce')} >= 1"
    test = "By the always-valid paired test on the same corrupted pixels, 5 % error over all looks between two starts"
    return [
        Alert(
            "GroupNLTwinBetter",
            f"{steadier}\nand {agrees}",
            "15m",
            "ticket",
            "{{ $labels.reference }} holds better than {{ $labels.model }}, and errs no more on the probe set",
            f"{test}; and by the probe set's corruption error.",
            KEPT,
        ),
        Alert(
            "GroupNLTwinSteadier",
            f"{steadier}\nunless {agrees}",
            "15m",
            "ticket",
            "{{ $labels.reference }} changes its answers less often than {{ $labels.model }} on corrupted live images",
            f"{test}. Which of the two is right more often it does not say: no probe set says that the reference is.",
            KEPT,
        ),
    ]
