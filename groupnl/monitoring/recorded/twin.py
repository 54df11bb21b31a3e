"""A model against its twin on the same corrupted pixels: relative flips with their interval, and the verdict."""

from groupnl.metrics import BOTH_FLIP, MODEL_ONLY, PAIRED_OUTCOMES_TOTAL, REFERENCE_ONLY
from groupnl.monitoring.promql import Z_95, counted
from groupnl.monitoring.recorded.verdict import verdict_rules
from groupnl.monitoring.recording import SPANS, TWIN, TWIN_CORRUPTION, named
from groupnl.monitoring.rules import Recording

MODEL_FLIPPED = f'outcome=~"{REFERENCE_ONLY}|{BOTH_FLIP}"'
REFERENCE_FLIPPED = f'outcome=~"{MODEL_ONLY}|{BOTH_FLIP}"'
ONE_HELD = (MODEL_ONLY, REFERENCE_ONLY)
TOLD_APART = f'outcome=~"{MODEL_ONLY}|{REFERENCE_ONLY}"'


def twin_rules() -> list[Recording]:
    """The label-free relative corruption error, and the paired verdict: 1 model, -1 reference, 0 undecided."""
    errors = [rule for span in SPANS for labels in (TWIN_CORRUPTION, TWIN) for rule in _relative_error(labels, span)]
    only = {outcome: counted(PAIRED_OUTCOMES_TOTAL, TWIN, where=f'outcome="{outcome}"') for outcome in ONE_HELD}
    return [*errors, *verdict_rules(TWIN, only)]


def _relative_error(labels: str, span: str) -> list[Recording]:
    """The sum of the model's flips over the sum of its reference's, with its interval.

    As `groupnl.robustness.statistics.relative_flips`: the interval of the logarithm, paired, so that what both flipped
    cancels out. Half a flip is added to either sum, and one to those that tell the two apart.
    """
    ours, theirs, apart = (
        named(labels, figure, span) for figure in ("flips_of_model", "flips_of_reference", "pairs_told_apart")
    )
    error = named(labels, "relative_corruption_error", span)
    middle = f"({ours} + 0.5) / ({theirs} + 0.5)"
    half = f"{Z_95:g} * sqrt(({apart} + 1) / (({ours} + 0.5) * ({theirs} + 0.5)))"
    return [
        Recording(named(labels, "compared_pairs", span), counted(PAIRED_OUTCOMES_TOTAL, labels, span)),
        Recording(ours, counted(PAIRED_OUTCOMES_TOTAL, labels, span, MODEL_FLIPPED)),
        Recording(theirs, counted(PAIRED_OUTCOMES_TOTAL, labels, span, REFERENCE_FLIPPED)),
        Recording(apart, counted(PAIRED_OUTCOMES_TOTAL, labels, span, TOLD_APART)),
        Recording(error, f"  {ours}\n/\n  ({theirs} > 0)"),
        Recording(
            named(labels, "relative_corruption_error_lower", span), f"{middle} * exp(-{half}) < {error}\nor\n  {error}"
        ),
        Recording(named(labels, "relative_corruption_error_upper", span), f"{middle} * exp({half})\nand {error}"),
    ]
