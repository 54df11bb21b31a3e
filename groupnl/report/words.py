"""The verdicts, in sentences that claim no more than the counts say."""

import math

from groupnl.report.figures import ModelFigures
from groupnl.report.markup import counted, difference, is_one, number, percent, span, text
from groupnl.report.truth import Truth
from groupnl.report.twin import Twin
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


def detail_sentence(figures: ModelFigures) -> str:
    """That not all that is counted is shown."""
    if "answers" not in figures.details:
        return ""
    return (
        "Replicas with <code>--metrics-detail answers</code> show nothing of images that were answered a second time, "
        "of probe sets and of labels: what is told of these here, also that there are none yet, is of the other "
        "replicas alone, if there are any."
    )


def band_sentence(figures: ModelFigures) -> str:
    """What that says about accuracy."""
    pairs = figures.agreement.total
    if not pairs:
        return ""
    width = largest_change(pairs - figures.agreement.good, pairs)
    return (
        f"So, as long as the corruptions keep the labels, they change accuracy by at most {percent(width)} "
        "on this traffic. Agreement is not accuracy, and a high share is no good news by itself: pictures that reach "
        "the service dark or blank are answered wrongly, and steadily."
    )


def archives_sentence(figures: ModelFigures) -> str:
    """That the counts are of several networks."""
    if figures.archives < 2:
        return ""
    return (
        f"<b>{figures.archives} archives</b> answered as {text(figures.name)} in this time: what follows is of all of "
        "them together, and need not hold for any one. What the traffic is like beside the held-back images of one is "
        "told of a time in which one answered."
    )


def group_sentence(figures: ModelFigures) -> str:
    """How many flips matter less."""
    share = figures.in_group
    if share is None:
        return ""
    return (
        f"In {percent(share.value)} ({span(share)}) the best class stayed in its group of classes: a flip inside a "
        "group, from one breed of dog to another, matters less than one that leaves it."
    )


def dropped_sentence(figures: ModelFigures) -> str:
    """What the dropped images leave open, whatever they are."""
    share = figures.dropped_share
    if not share or not figures.agreement.total:
        return ""
    low, high = (end * (1 - share) for end in figures.agreement.interval)
    return (
        f"Of the chosen images {percent(share)} were dropped. Had they been answered too, whatever they show, between "
        f"{percent(low)} and {percent(high + share)} would have stayed."
    )


def twin_sentence(model: str, twin: Twin) -> str:
    """Who keeps its own answers more often; from a window only by how much the two differ at this look."""
    test, pairs = twin.overall.test, twin.overall.pairs
    if not pairs:
        return f"No image has yet been answered by both {text(model)} and {text(twin.reference)}."
    told = (
        f"Of {counted(pairs, 'image')} that both answered, only {text(model)} kept its answer in "
        f"{number(test.model_only)}, only {text(twin.reference)} in {number(test.reference_only)}"
    )
    if twin.overall.in_window:
        found = difference(twin.overall.difference, twin.overall.interval)
        return (
            f"{told}: a difference of {found}. That is the 95 % interval of this look alone; looked "
            "at again and again, it misses at some time. A window decides nothing: who holds better is told without "
            "--since."
        )
    if twin.overall.verdict == "undecided":
        return (
            f"Whether {text(model)} or {text(twin.reference)} holds better is <b>not decided</b>. {told}: a lead of "
            f"{number(abs(test.lead))}, where {number(math.ceil(test.needed_lead))} decide."
        )
    winner, loser = (model, twin.reference) if twin.overall.verdict == "model" else (twin.reference, model)
    return (
        f"<b>{text(winner)} holds better than {text(loser)}</b> on this traffic: it keeps its own answers more often. "
        f"{told}. Which of the two is more often right, that does not say."
    )


def relative_sentence(what: str, relative: Relative | None, reference: str, below: str) -> str:
    """Errors relative to the reference's.

    Args:
        what: is counted.
        relative: None where nothing can be said.
        reference: its name.
        below: what a figure below 1 means.
    """
    if relative is None:
        return ""
    told = "" if relative.differs else " As the interval holds 1, this look tells no difference."
    return (
        f"{what} relative to {text(reference)}'s: {relative.value:.2f} ({relative.low:.2f} to {relative.high:.2f}; "
        f"below 1 {below}).{told}"
    )


def probe_set_words(truth: Truth) -> str:
    """The probe set, with its size."""
    if not truth.images:
        return "Probe set (how many images it has was not told, so the intervals say nothing)"
    return f"Probe set of {counted(truth.images, 'image')}"


def labelled_sentence(truth: Truth) -> str:
    """Accuracy on what clients sent with its class."""
    return (
        f"{truth_sentence(truth, 'Requests of known class')} An image counts as often as it was sent, and the interval "
        "takes each time for another image: where images come again, it is too narrow."
    )


def truth_sentence(truth: Truth, whose: str) -> str:
    """Accuracy with and without corruption."""
    good = sum(share.good for share in truth.corrupted.values())
    total = sum(share.total for share in truth.corrupted.values())
    under = f", under corruption {percent(good / total)} of {counted(total, 'answer')}" if total else ""
    return f"{whose}: right without corruption in {percent(truth.clean.value)} ({span(truth.clean)}){under}."
