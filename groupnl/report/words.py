"""The verdicts, in sentences that claim no more than the counts say."""

import math

from groupnl.report.figures import ModelFigures, Truth, Twin
from groupnl.report.markup import counted, is_one, number, percent, span, text
from groupnl.robustness.statistics import Relative, largest_change

PROBE_INTERVAL = (
    "All corruptions meet the same images, and counts do not tell which: this interval takes each model's errors as "
    "falling on the same images wherever they can, and the hard images of one as no easier for the other than the rest."
)


def agreement_sentence(figures: ModelFigures) -> str:
    """How often the answer stayed."""
    pairs = figures.agreement.total
    if not pairs:
        return "No live image has been answered a second time yet."
    images, each = counted(pairs, "live image"), "" if is_one(pairs) else "each "
    return (
        f"Over {images}, {each}answered again under one corruption, the answer stayed the same in "
        f"<b>{percent(figures.agreement.value)}</b> ({span(figures.agreement)})."
    )


def band_sentence(figures: ModelFigures) -> str:
    """What that says about accuracy."""
    pairs = figures.agreement.total
    if not pairs:
        return ""
    width = largest_change(pairs - figures.agreement.good, pairs)
    return (
        f"So, as long as the corruptions keep the labels, they change accuracy by at most {percent(width)} "
        "on this traffic; agreement itself is not accuracy."
    )


def twin_sentence(model: str, twin: Twin) -> str:
    """Who holds better."""
    test, pairs = twin.overall, sum(twin.pairs.values())
    if not pairs:
        return f"No image has yet been answered by both {text(model)} and {text(twin.reference)}."
    told = (
        f"Of {counted(pairs, 'image')} that both answered, only {text(model)} kept its answer in "
        f"{number(test.model_only)}, only {text(twin.reference)} in {number(test.reference_only)}"
    )
    if test.verdict == "undecided":
        return (
            f"Whether {text(model)} or {text(twin.reference)} holds better is <b>not decided</b>. {told}: a lead of "
            f"{number(abs(test.lead))}, where {number(math.ceil(test.needed_lead))} decide."
        )
    winner, loser = (model, twin.reference) if test.verdict == "model" else (twin.reference, model)
    return f"<b>{text(winner)} holds better than {text(loser)}</b> on this traffic. {told}."


def relative_sentence(what: str, relative: Relative | None, reference: str) -> str:
    """Errors relative to the reference's."""
    if relative is None:
        return ""
    return (
        f"{what} relative to {text(reference)}'s: {relative.value:.2f} ({relative.low:.2f} to {relative.high:.2f}; "
        f"below 1 is better), the mean over {counted(relative.types, 'corruption')}."
    )


def probe_set_words(truth: Truth) -> str:
    """The probe set, with its size."""
    if not truth.images:
        return "Probe set (how many images it has was not told, so the intervals say nothing)"
    return f"Probe set of {counted(truth.images, 'image')}"


def truth_sentence(truth: Truth, whose: str) -> str:
    """Accuracy with and without corruption."""
    good = sum(share.good for share in truth.corrupted.values())
    total = sum(share.total for share in truth.corrupted.values())
    under = f", under corruption {percent(good / total)} of {counted(total, 'answer')}" if total else ""
    return f"{whose}: right without corruption in {percent(truth.clean.value)} ({span(truth.clean)}){under}."
