"""Accuracy by labels that came after the answers, clean and under each corruption."""

from groupnl.metrics import LATE_LABELLED, LATE_LABELLED_CORRECT
from groupnl.monitoring.promql import counted, ratio, wilson
from groupnl.monitoring.recording import CORRUPTION, SPANS, named
from groupnl.monitoring.rules import Recording


def late_label_rules() -> list[Recording]:
    """Answers, the share of right ones and its interval; without corruption it is the live answers' own."""
    return [rule for span in SPANS for rule in _accuracy(span)]


def _accuracy(span: str) -> list[Recording]:
    answers, accuracy = (named(CORRUPTION, figure, span) for figure in ("late_labelled", "late_accuracy"))
    return [
        Recording(answers, counted(LATE_LABELLED, CORRUPTION, span)),
        Recording(accuracy, ratio(counted(LATE_LABELLED_CORRECT, CORRUPTION, span), answers)),
        Recording(named(CORRUPTION, "late_accuracy_lower", span), wilson(accuracy, answers, -1)),
        Recording(named(CORRUPTION, "late_accuracy_upper", span), wilson(accuracy, answers, 1)),
    ]
