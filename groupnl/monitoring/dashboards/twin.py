"""The panels on a model and its twin, which answers the same corrupted pixels."""

from groupnl.metrics import (
    BOTH_FLIP,
    BOTH_HOLD,
    MODEL_ONLY,
    PAIRED_OUTCOMES_TOTAL,
    REFERENCE_ONLY,
    SHADOW_CONFIDENCE_DROP,
    SHADOW_JS_BITS,
)
from groupnl.monitoring.dashboards.panels import (
    COUNT,
    FIGURES_HEIGHT,
    GREEN,
    GREY,
    NUMBER,
    RED,
    RELATIVE_STEPS,
    SHARE,
    AnyPanel,
    Query,
    Text,
    figures,
    limit_line,
    lines,
    rows,
)
from groupnl.monitoring.dashboards.queries import MODEL, PAIR, REFERENCE, recorded
from groupnl.monitoring.promql import mean
from groupnl.monitoring.recording import RECENT, TWIN, TWIN_CORRUPTION, named

VERDICT_WORDS = {"1": ("yes, better", GREEN), "0": ("undecided", GREY), "-1": ("no, worse", RED)}


def verdict_figure(width: int) -> AnyPanel:
    """Whether the model holds better than its twin."""
    text = Text(
        "$model holds better than $reference",
        "Both answer the same corrupted pixels. A pair counts when exactly one of them keeps its own clean "
        "answer. The test is always valid: look as often as you like, it is wrong in at most 5 % of all "
        "services, over their whole life. It counts since the service's start.",
        width,
        FIGURES_HEIGHT,
        "no pairs yet",
    )
    return figures(
        text,
        [
            Query("verdict", recorded(named(TWIN, "verdict"), PAIR), unit=NUMBER, words=VERDICT_WORDS),
            Query("only $model held", recorded(named(TWIN, MODEL_ONLY), PAIR), decimals=0),
            Query("only $reference held", recorded(named(TWIN, REFERENCE_ONLY), PAIR), decimals=0),
            Query("pairs that decide", recorded(named(TWIN, "decisive_pairs"), PAIR), decimals=0),
        ],
        COUNT,
    )


def relative_error_figure(width: int, height: int = FIGURES_HEIGHT) -> AnyPanel:
    """The label-free relative corruption error."""
    text = Text(
        "Changed answers, relative to $reference",
        f"Mean over the corruptions of the ratio of changed answers: 0.9 means a tenth fewer. Last {RECENT}, and "
        "since the start.",
        width,
        height,
        "no pairs yet",
    )
    recent, start, types = (
        recorded(named(TWIN, figure, span), PAIR)
        for figure, span in (
            ("relative_corruption_error", RECENT),
            ("relative_corruption_error", ""),
            ("relative_corruption_error_types", ""),
        )
    )
    return figures(
        text,
        [
            Query("since the start", start, steps=RELATIVE_STEPS, decimals=2),
            Query(f"last {RECENT}", recent, steps=RELATIVE_STEPS, decimals=2),
            Query("corruptions in it", types, decimals=0),
        ],
        NUMBER,
    )


def twin_table(height: int = 17) -> AnyPanel:
    """Model and reference under each corruption."""

    def column(outcome: str) -> str:
        return f'sum by (corruption) ({PAIRED_OUTCOMES_TOTAL.name}{{{PAIR}, outcome="{outcome}"}})'

    text = Text(
        "Each corruption, since the service's start",
        "Relative error: changed answers of $model divided by those of $reference, on the same pixels. Below 1, "
        "$model holds better. With few pairs it jumps; the verdict above takes all of them together.",
        24,
        height,
    )
    relative = recorded(named(TWIN_CORRUPTION, "relative_corruption_error"), PAIR, "corruption")
    columns = [
        Query("relative error", relative, steps=RELATIVE_STEPS, decimals=2),
        Query("pairs", recorded(named(TWIN_CORRUPTION, "compared_pairs"), PAIR, "corruption"), decimals=0),
        Query("both held", column(BOTH_HOLD), decimals=0),
        Query("only the model held", column(MODEL_ONLY), decimals=0),
        Query("only the reference held", column(REFERENCE_ONLY), decimals=0),
        Query("both changed", column(BOTH_FLIP), decimals=0),
    ]
    return rows(text, "corruption", columns, COUNT)


def evidence_lines(width: int) -> AnyPanel:
    """How far the test is from a decision."""
    statistic, threshold, lead = (named(TWIN, name) for name in ("verdict_statistic", "verdict_threshold", MODEL_ONLY))
    signed = f"sgn({recorded(lead, PAIR)} - {recorded(named(TWIN, REFERENCE_ONLY), PAIR)})"
    text = Text(
        "Evidence since the service's start",
        "Above the line at 1, $model is shown to hold better; below -1, $reference. In between nothing is "
        "decided, however long it takes.",
        width,
        8,
    )
    exprs = f"{signed} * {recorded(statistic, PAIR)} / {recorded(threshold, PAIR)}"
    return limit_line(lines(text, [Query("evidence", exprs)], NUMBER), -1, 1).min(-1.5).max(1.5)


def relative_error_lines(width: int) -> AnyPanel:
    """The relative error over time."""
    text = Text(
        "Changed answers, relative to $reference",
        "Below 1, $model holds better than $reference on the same pixels. Mean over the corruptions.",
        width,
        8,
    )
    queries = [
        Query(name, recorded(named(TWIN, "relative_corruption_error", span), PAIR, "model"))
        for name, span in ((f"last {RECENT}", RECENT), ("since the start", ""))
    ]
    return limit_line(lines(text, queries, NUMBER), 1)


def loss_table(height: int = 17) -> AnyPanel:
    """What corruptions do to both models' probabilities."""
    text = Text(
        f"Each corruption, last {RECENT}",
        "The mean loss of probability of the clean answer, and the mean divergence between clean and corrupted "
        "answer. Each model on its own sampled images; $reference only if it is served itself.",
        24,
        height,
    )
    columns = [
        Query(f"{what} of {name}", mean(family, "corruption", RECENT, where), unit=unit, decimals=decimals)
        for what, family, unit, decimals in (
            ("loss of confidence", SHADOW_CONFIDENCE_DROP, SHARE, 1),
            ("divergence, bits,", SHADOW_JS_BITS, NUMBER, 3),
        )
        for name, where in (("the model", MODEL), ("the reference", REFERENCE))
    ]
    return rows(text, "corruption", columns)
