"""The panels on a model and its twin, which answers the same corrupted pixels."""

from groupnl.metrics import (
    BOTH_FLIP,
    BOTH_HOLD,
    MODEL_ONLY,
    PAIRED_OUTCOMES_TOTAL,
    REFERENCE_ONLY,
    SHADOW_CONFIDENCE_DROP,
    SHADOW_JS_BITS,
    Family,
)
from groupnl.monitoring.dashboards.panels import (
    BLUE,
    COUNT,
    FIGURES_HEIGHT,
    GREY,
    LINES_HEIGHT,
    NUMBER,
    SHARE,
    YELLOW,
    AnyPanel,
    Query,
    Text,
    figures,
    limit_line,
    lines,
    rows,
)
from groupnl.monitoring.dashboards.plain import prose
from groupnl.monitoring.dashboards.queries import WATCHED, recorded
from groupnl.monitoring.promql import mean
from groupnl.monitoring.recording import RECENT, TWIN, TWIN_CORRUPTION, named
from groupnl.robustness.power import DISCORDANCE, NEEDED

SHARE_SAMPLED = 0.1  # as archives have it unless they say otherwise
VERDICT_WORDS = {"1": ("yes", BLUE), "0": ("undecided", GREY), "-1": ("no, less often", YELLOW)}
RELATIVE_WORDS = {"0": ("no difference shown", GREY), "1": ("fewer", BLUE), "2": ("more", YELLOW)}
NOT_RIGHT_MORE_OFTEN = (
    "Who keeps its answers more often need not be right more often: see the probe set and labelled requests."
)


def of_twin(expr: str) -> str:
    """The series of those models that the row's model is compared with."""
    pairs = named(TWIN, "compared_pairs")
    return f'{expr}\nand on (model)\nlabel_replace({pairs}{{{WATCHED}}}, "model", "$1", "reference", "(.*)")'


def verdict_figure(width: int) -> AnyPanel:
    """Whether the model keeps its answers more often than its twin."""
    text = Text(
        "$watched keeps its answers more often than its twin",
        "Both answer the same corrupted pixels. A pair counts when exactly one of them keeps its own clean answer. The "
        "test may be looked at as often as you like: from one start to the next, or for all with a state folder, "
        f"for one set of replicas, it is wrong in at most 5 % of all services. {NOT_RIGHT_MORE_OFTEN}",
        width,
        FIGURES_HEIGHT,
        "no twin, or no pairs yet",
    )
    return figures(
        text,
        [
            Query("than {{reference}}", recorded(named(TWIN, "verdict")), unit=NUMBER, words=VERDICT_WORDS),
            Query("only $watched held", recorded(named(TWIN, MODEL_ONLY)), decimals=0),
            Query("only {{reference}} held", recorded(named(TWIN, REFERENCE_ONLY)), decimals=0),
            Query("pairs that decide", recorded(named(TWIN, "decisive_pairs")), decimals=0),
        ],
        COUNT,
    )


def power_panel(width: int, height: int = FIGURES_HEIGHT) -> AnyPanel:
    """How long the test takes."""
    text = Text(
        "How long the twin test takes",
        "By so many half of all services have decided, by the difference that there is, with a look after every pair. "
        "Less than a point may never be told.",
        width,
        height,
    )
    head = ("true difference in agreement", "pairs that decide", "pairs", f"requests, {SHARE_SAMPLED:.0%} sampled")
    lines = [" | ".join(head), " | ".join(["---:"] * len(head))]
    lines += [
        f"{need.difference * 100:g} points | {need.informative:,} | {need.pairs:,} | {need.requests(SHARE_SAMPLED):,}"
        for need in NEEDED
    ]
    note = f"Where {DISCORDANCE:.0%} of the pairs tell the two apart, as for the default models."
    return prose(text, "\n".join(f"| {line} |" for line in lines) + f"\n\n{note}\n")


def relative_error_figure(width: int, height: int = FIGURES_HEIGHT) -> AnyPanel:
    """The label-free relative corruption error."""
    text = Text(
        "Changed answers, relative to the twin's",
        "Changed answers of $watched over those of its twin, on the same pixels: 0.9 means a tenth fewer. A colour "
        f"only where its 95 % interval excludes 1; one look in twenty does so by chance. {NOT_RIGHT_MORE_OFTEN}",
        width,
        height,
        "no twin, or no pairs yet",
    )
    start, low, high, recent = (
        recorded(named(TWIN, f"relative_corruption_error{end}", span))
        for end, span in (("", ""), ("_lower", ""), ("_upper", ""), ("", RECENT))
    )
    return figures(
        text,
        [
            Query("since the start", start, decimals=2),
            Query("at least", low, decimals=2),
            Query("at most", high, decimals=2),
            Query("that is", f"({high} < bool 1) + 2 * ({low} > bool 1)", decimals=0, words=RELATIVE_WORDS),
            Query(f"last {RECENT}", recent, decimals=2),
        ],
        NUMBER,
    )


def twin_table(height: int = 17) -> AnyPanel:
    """Model and reference under each corruption."""

    def column(outcome: str) -> str:
        return f'sum by (corruption, reference) ({PAIRED_OUTCOMES_TOTAL.name}{{{WATCHED}, outcome="{outcome}"}})'

    text = Text(
        "Each corruption, since the service's start",
        "Relative error: changed answers of $watched divided by those of its twin, on the same pixels; below 1 it "
        "changed fewer. With few pairs it jumps, and of 19 some lie far from 1 by chance: the verdict takes all of "
        "them together.",
        24,
        height,
    )
    by = "corruption, reference"
    relative = recorded(named(TWIN_CORRUPTION, "relative_corruption_error"), by=by)
    columns = [
        Query("relative error", relative, unit=NUMBER, decimals=2),
        Query("pairs", recorded(named(TWIN_CORRUPTION, "compared_pairs"), by=by), decimals=0),
        Query("both held", column(BOTH_HOLD), decimals=0),
        Query("only the model held", column(MODEL_ONLY), decimals=0),
        Query("only the twin held", column(REFERENCE_ONLY), decimals=0),
        Query("both changed", column(BOTH_FLIP), decimals=0),
    ]
    return rows(text, ["corruption", "reference"], columns, COUNT)


def evidence_lines(width: int) -> AnyPanel:
    """How far the test is from a decision."""
    statistic, threshold, lead = (named(TWIN, name) for name in ("verdict_statistic", "verdict_threshold", MODEL_ONLY))
    signed = f"sgn({recorded(lead)} - {recorded(named(TWIN, REFERENCE_ONLY))})"
    text = Text(
        "Evidence since the service's start",
        "Above the line at 1, $watched is shown to keep its answers more often; below -1, its twin. In between nothing "
        "is decided, however long it takes; a decision can be undecided again later.",
        width,
        LINES_HEIGHT,
    )
    exprs = f"{signed} * {recorded(statistic)} / {recorded(threshold)}"
    return limit_line(lines(text, [Query("against {{reference}}", exprs)], NUMBER), -1, 1).min(-1.5).max(1.5)


def relative_error_lines(width: int) -> AnyPanel:
    """The relative error over time, with its interval."""
    text = Text(
        "Changed answers, relative to the twin's, over time",
        f"In the last {RECENT}, with its 95 % interval, and since the start. Below 1, $watched changed fewer answers "
        "on the same pixels.",
        width,
        LINES_HEIGHT,
    )
    figure = "relative_corruption_error"
    queries = [
        Query(f"last {RECENT}", recorded(named(TWIN, figure, RECENT))),
        Query("at least", recorded(named(TWIN, f"{figure}_lower", RECENT))),
        Query("at most", recorded(named(TWIN, f"{figure}_upper", RECENT))),
        Query("since the start", recorded(named(TWIN, figure))),
    ]
    return limit_line(lines(text, queries, NUMBER), 1)


def loss_table(height: int = 17) -> AnyPanel:
    """What corruptions do to both models' probabilities."""
    text = Text(
        f"Loss of confidence, last {RECENT}",
        "The mean loss of probability of the clean answer, and the mean divergence between clean and corrupted "
        "answer. Each model on its own sampled images; of the twin only if it is served itself, with shadows.",
        24,
        height,
    )

    def of_both(family: Family) -> tuple[str, str]:
        twins = of_twin(mean(family, "model, corruption", RECENT))
        return mean(family, "corruption", RECENT, WATCHED), f"max by (corruption) ({twins})"

    columns = [
        Query(f"{what} of the {who}", expr, unit=unit, decimals=decimals)
        for what, family, unit, decimals in (
            ("loss of confidence", SHADOW_CONFIDENCE_DROP, SHARE, 1),
            ("divergence, bits,", SHADOW_JS_BITS, NUMBER, 3),
        )
        for who, expr in zip(("model", "twin"), of_both(family), strict=True)
    ]
    return rows(text, ["corruption"], columns)
