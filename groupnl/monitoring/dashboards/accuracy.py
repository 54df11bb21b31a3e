"""The panels on how accurate the model is now: without labels, and by labels that came later."""

from groupnl.metrics import LABEL_DELAY_SECONDS
from groupnl.monitoring.dashboards.panels import (
    COUNT,
    FIGURES_HEIGHT,
    GREY,
    RED,
    SECONDS,
    AnyPanel,
    Query,
    Text,
    figures,
)
from groupnl.monitoring.dashboards.queries import WATCHED, WINDOW, recorded
from groupnl.monitoring.promql import IS_CLEAN, mean
from groupnl.monitoring.recorded.drift import BROKEN, WITHDRAWN
from groupnl.monitoring.recorded.estimate import CORRUPTED, LIVE
from groupnl.monitoring.recording import CORRUPTION, RECENT, named
from groupnl.monitoring.recording import MODEL as BY_MODEL

NOTHING_BROKEN = {"0": ("stands", GREY)}


def estimate_figure(width: int) -> AnyPanel:
    """Accuracy by the model's own confidence, clean and corrupted."""
    text = Text(
        f"Accuracy without labels, last {RECENT}",
        "An estimate: the mean calibrated probability that answers are right, of live images and of their corrupted "
        "copies, with a 95 % interval that has its usual error. It trusts the model's own confidence, which holds for "
        "images such as the held-back ones. Where the traffic is broken, dark images are answered with confidence: the "
        "estimate is withdrawn, see beside it. The band below holds without trust.",
        width,
        FIGURES_HEIGHT,
        "withdrawn, no record, or several archives",
    )

    def estimate(whose: str, end: str = "") -> str:
        return recorded(named(BY_MODEL, f"{whose}_estimate{end}", RECENT))

    return figures(
        text,
        [
            Query("live images", estimate(LIVE), decimals=1),
            Query("at least", estimate(LIVE, "_lower"), decimals=1),
            Query("at most", estimate(LIVE, "_upper"), decimals=1),
            Query("corrupted", estimate(CORRUPTED), decimals=1),
            Query("at least", estimate(CORRUPTED, "_lower"), decimals=1),
            Query("at most", estimate(CORRUPTED, "_upper"), decimals=1),
        ],
    )


def reason_figure(width: int) -> AnyPanel:
    """Why the estimate is withdrawn."""
    text = Text(
        "Does the estimate stand?",
        "Withdrawn: for each statistic that is so far from the held-back images that confidence says nothing of "
        "accuracy, how far, beyond chance (see What the traffic is like). By any window up to a day: so long the "
        "estimate may be of broken images.",
        width,
        FIGURES_HEIGHT,
        "no record of held-back images",
    )
    broken = recorded(BROKEN)
    none = f'label_replace({recorded(WITHDRAWN)} == 0, "statistic", "nothing", "model", ".*")'
    words = Query(
        "withdrawn for {{statistic}}", f"{broken}\nor\n{none}", words=NOTHING_BROKEN, steps=((None, RED),), decimals=0
    )
    return figures(text, [words])


def late_label_figure(width: int) -> AnyPanel:
    """Accuracy by labels that clients sent after the answers."""
    text = Text(
        f"Accuracy by late labels, last {RECENT}",
        "Of answers whose class a client told afterwards, with its 95 % interval: the truth for those images. It is "
        "that of all only if labels come by chance. The delay: from the answer to its label, on average.",
        width,
        FIGURES_HEIGHT,
        "no labels came",
    )

    def late(figure: str) -> str:
        return recorded(named(CORRUPTION, figure, RECENT), f"{WATCHED}, {IS_CLEAN}")

    return figures(
        text,
        [
            Query("right", late("late_accuracy"), decimals=1),
            Query("at least", late("late_accuracy_lower"), decimals=1),
            Query("at most", late("late_accuracy_upper"), decimals=1),
            Query("labels", late("late_labelled"), unit=COUNT, decimals=0),
            Query("mean delay", mean(LABEL_DELAY_SECONDS, "model", WINDOW, WATCHED), unit=SECONDS),
        ],
    )
