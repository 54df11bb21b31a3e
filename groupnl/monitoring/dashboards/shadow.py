"""The panels on the shadow path: whether robustness is being measured at all, and how soon there is enough."""

from collections.abc import Sequence

from groupnl.metrics import (
    SHADOW_DROPPED,
    SHADOW_LAG_SECONDS,
    SHADOW_PAIR_SECONDS,
    SHADOW_PAIRS,
    SHADOW_PROCESS_DEATHS,
    SHADOW_QUEUE_LENGTH,
    SHADOW_REPEATED,
    SHADOW_SAMPLED,
    SHADOW_THINNED,
)
from groupnl.monitoring.dashboards.panels import (
    COUNT,
    FIGURES_HEIGHT,
    GREY,
    LINES_HEIGHT,
    RATE,
    SECONDS,
    SHARE,
    YELLOW,
    AnyPanel,
    Query,
    Text,
    figures,
    limit_line,
    lines,
)
from groupnl.monitoring.dashboards.queries import (
    CHOSEN,
    MODELS,
    RATE_WINDOW,
    WATCHED,
    WINDOW,
    per_second,
    recorded,
    right_now,
)
from groupnl.monitoring.promql import mean, quantile
from groupnl.monitoring.recorded.level import FALL, POWER
from groupnl.monitoring.recording import DROP_WINDOW, RECENT, WEEK, named
from groupnl.monitoring.recording import MODEL as BY_MODEL
from groupnl.monitoring.robustness_alerts import DROP_LIMIT, LEAST_PAIRS

THIN_WORDS = {"0": ("enough", GREY), "1": ("too few for the alert", YELLOW)}
RECENT_HOURS = int(RECENT.removesuffix("h"))


def shadow_row() -> Sequence[AnyPanel]:
    """Sampled, answered again, dropped, waiting, late."""
    return [_flow(), _passed_over(), _reasons(), _drop_share(), _waiting(), _whatever_was_dropped()]


def enough_figure(width: int) -> AnyPanel:
    """How fast pairs come, and what they suffice for."""
    an_hour = f"sum by (model) (rate({SHADOW_PAIRS.name}{{{WATCHED}}}[{WINDOW}])) * 3600"
    corruptions = f"count by (model) (group by (model, corruption) ({SHADOW_PAIRS.name}{{{WATCHED}}}))"
    week, needed, thin = (recorded(named(BY_MODEL, name, WEEK)) for name in ("pairs", "pairs_needed", "alert_is_thin"))
    text = Text(
        "Are there enough pairs?",
        "What a worker's shadows take for a pair, with their rest. Images answered again in an hour, and how many the "
        "alert on single corruptions needs; then those of a week, and how many the alert on all together needs to see "
        f"a fall of {FALL * 100:g} points in {POWER:.0%} of the cases. With too few, no alert says nothing: raise the "
        "share, or wait.",
        width,
        FIGURES_HEIGHT,
        "no pairs yet",
    )
    return figures(
        text,
        [
            Query("a pair takes", mean(SHADOW_PAIR_SECONDS, "model", WINDOW, WATCHED), unit=SECONDS),
            Query("an hour", an_hour, decimals=0),
            Query("single corruptions need", f"{LEAST_PAIRS} / {RECENT_HOURS} * {corruptions}", decimals=0),
            Query(f"in {WEEK}", week, decimals=0),
            Query("all together need", needed, decimals=0),
            Query("that is", f"{thin}\nor {an_hour} * 0 + 1", words=THIN_WORDS),  # nothing is recorded without a pair
        ],
        COUNT,
    )


def _flow() -> AnyPanel:
    text = Text(
        "Images sampled and answered again",
        "The two lie on each other while all goes well. The share that is sampled is set in the archive or at "
        "the start; where there is no time for all of it, fewer are.",
        8,
        LINES_HEIGHT,
        "shadows are off, or not shown",
    )
    families = {"sampled": SHADOW_SAMPLED, "answered again": SHADOW_PAIRS}
    queries = [Query(f"{{{{model}}}} {name}", per_second(family)) for name, family in families.items()]
    return lines(text, queries, RATE)


def _passed_over() -> AnyPanel:
    text = Text(
        "Passed over",
        "Images that were not chosen though the share would have had them. Seen lately, the same again or nearly the "
        "same, as in a video: pairs that hang together void the verdict and the intervals. Or there was no time: "
        "shadows lately could not answer all of the share.",
        8,
        LINES_HEIGHT,
        "shadows are off, or not shown",
    )
    queries = [
        Query("{{model}} {{kind}}", per_second(SHADOW_REPEATED, "model, kind")),
        Query("{{model}} no time", per_second(SHADOW_THINNED)),
    ]
    return lines(text, queries, RATE, stacked=True)


def _reasons() -> AnyPanel:
    text = Text(
        "Dropped, by reason",
        "queue_full and expired: shadows gave way to live traffic. fault: an error, told once in the log. Shadow "
        "processes that died are started again: timeout is one that hung.",
        8,
        LINES_HEIGHT,
        "shadows are off, or not shown",
    )
    queries = [
        Query("{{model}} {{reason}}", per_second(SHADOW_DROPPED, "model, reason")),
        Query("{{model}} process died: {{reason}}", per_second(SHADOW_PROCESS_DEATHS, "model, reason")),
    ]
    return lines(text, queries, RATE, stacked=True)


def _drop_share() -> AnyPanel:
    text = Text(
        f"Share dropped, last {DROP_WINDOW}",
        "Above the red line for 15 minutes a ticket is written.",
        8,
        LINES_HEIGHT,
        "nothing sampled",
    )
    share = recorded(named(BY_MODEL, "dropped_shadows", DROP_WINDOW), MODELS)
    return limit_line(lines(text, [Query("{{model}}", share)], SHARE, most=1), DROP_LIMIT)


def _waiting() -> AnyPanel:
    text = Text(
        "Waiting, and how late",
        "Images in the queue (all workers), and the time from the live answer to its shadow's. Late is harmless.",
        8,
        LINES_HEIGHT,
        "shadows are off, or not shown",
    )
    waiting = Query("{{model}} waiting", right_now(SHADOW_QUEUE_LENGTH), unit=COUNT)
    late = [
        Query(
            f"{{{{model}}}} late, p{share * 100:g}", quantile(share, SHADOW_LAG_SECONDS, "model", RATE_WINDOW, CHOSEN)
        )
        for share in (0.5, 0.95)
    ]
    return lines(text, [waiting, *late], SECONDS)


def _whatever_was_dropped() -> AnyPanel:
    text = Text(
        f"Agreement, whatever was dropped, last {RECENT}",
        "Where agreement lies if all dropped images had changed their answer, or none of them. Far apart: the figure "
        "rests on drops being by chance, and drops come with load.",
        8,
        LINES_HEIGHT,
        "no pairs yet",
    )
    queries = [
        Query(f"{{{{model}}}} {name}", recorded(named(BY_MODEL, figure, RECENT), MODELS))
        for name, figure in (("at least", "agreement_least"), ("measured", "agreement"), ("at most", "agreement_most"))
    ]
    return lines(text, queries, SHARE, most=1)
