"""Accuracy by classes that were told after the answers, and its card."""

import math
from typing import NamedTuple

from groupnl.corruptions.names import NAMES
from groupnl.metrics import (
    LABEL_DELAY_SECONDS,
    LATE_LABELLED,
    LATE_LABELLED_CORRECT,
    LATE_LABELS,
    NONE,
    NOT_TAKEN,
    UNKNOWN,
)
from groupnl.report.estimate import Estimate
from groupnl.report.markup import PERCENT, card, counted, duration, estimated, name, number, percent, span, table
from groupnl.report.samples import Samples
from groupnl.report.shares import most_of
from groupnl.report.truth import Truth, truth_of
from groupnl.traffic.estimated import Estimated

_HOW = (
    "Classes that were sent to the service after its answers (POST /labels). The interval takes the images for a "
    "random part of the traffic: where those are labelled that looked odd, accuracy on all is another."
)


class LateLabels(NamedTuple):
    """What later labels say.

    Attributes:
        truth: accuracy on the images whose class was told; None where none could be joined to an answer.
        outcomes: labels by what became of them.
        delay_s: seconds from an answer to its label, in which half of the labels have come for sure, and 95 % of them;
            infinite where that is longer than is counted. None without any.
    """

    truth: Truth | None
    outcomes: dict[str, float]
    delay_s: tuple[float, ...] | None


def late_labels_of(samples: Samples, model: str) -> LateLabels | None:
    """What later labels say of a model; None where nobody has sent any."""
    outcomes = samples.by("outcome", LATE_LABELS.name, model=model)
    if not any(outcomes.values()):
        return None
    truth = truth_of(samples, model, LATE_LABELLED, LATE_LABELLED_CORRECT, None)
    return LateLabels(truth, outcomes, most_of(samples, LABEL_DELAY_SECONDS, 0.5, 0.95, model=model))


def late_labels_card(late: LateLabels, estimate: Estimate | None) -> str:
    """Accuracy and delay, in a sentence and a table, beside what was estimated without labels."""
    content = "".join(f"<p>{told}</p>" for told in (late_sentence(late), _lost(late)) if told)
    if late.truth is not None and any(share.total for share in late.truth.corrupted.values()):
        content += truth_beside(
            estimate, late.truth, "Accuracy on images whose class was told later, all severities together"
        )
    return card("Accuracy by labels that came later", content, _HOW)


def late_sentence(late: LateLabels) -> str:
    """Accuracy, and how late the labels were."""
    if late.truth is None:
        return "No label that came later could be joined to an answer yet."
    clean = late.truth.clean
    delay = (
        f"; half of the labels came {_within(late.delay_s[0])}, 95{PERCENT} {_within(late.delay_s[1])}"
        if late.delay_s
        else ""
    )
    return (
        f"Of {counted(clean.total, 'live image')} whose class was told later, the answer was right in "
        f"<b>{percent(clean.value)}</b> ({span(clean)}){delay}."
    )


def _within(seconds: float) -> str:
    return f"within {duration(seconds)}" if math.isfinite(seconds) else "later than is counted"


def _lost(late: LateLabels) -> str:
    unknown, refused = (late.outcomes.get(outcome, 0.0) for outcome in (UNKNOWN, NOT_TAKEN))
    told = []
    if unknown:
        told.append(f"{counted(unknown, 'label')} came for answers that the service no longer, or never, knew")
    if refused:
        told.append(f"{number(refused)} {'was' if number(refused) == '1' else 'were'} refused")
    return ("; ".join(told) + ".") if told else ""


def truth_beside(estimate: Estimate | None, truth: Truth, caption: str) -> str:
    """Accuracy on live images of known class, beside what was estimated without; one row for each corruption.

    Args:
        estimate: None: there is none.
        truth: that clients told.
        caption: of the table.
    """
    guesses: dict[str, Estimated] = {}
    if estimate is not None and not estimate.withdrawn:
        guesses = {NONE: estimate.clean, **estimate.by_corruption}
    head = ("corruption", "accuracy", "95 % interval", "images", *(("estimated without labels",) if guesses else ()))
    rows = []
    for corruption, share in (
        (NONE, truth.clean),
        *((corruption, truth.corrupted[corruption]) for corruption in NAMES),
    ):
        if share.total:
            guess = (estimated(guesses[corruption]) if corruption in guesses else "-",) if guesses else ()
            rows.append((name(corruption), percent(share.value), span(share), number(share.total), *guess))
    return table(caption, head, rows)
