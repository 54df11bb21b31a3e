"""The panels on agreement: what is found without labels."""

from collections.abc import Sequence

from grafana_foundation_sdk.models.dashboard import FieldColorModeId

from groupnl.metrics import (
    BUILD_INFO,
    SHADOW_CONFIDENCE_DROP,
    SHADOW_FLIPS,
    SHADOW_GROUP_KEPT,
    SHADOW_JS_BITS,
    SHADOW_NOT_FINITE,
    SHADOW_PAIRS,
    SHADOW_TOP5_KEPT,
    Family,
)
from groupnl.monitoring.dashboards.panels import (
    CLEAR,
    COUNT,
    FIGURES_HEIGHT,
    GREY,
    LINES_HEIGHT,
    NUMBER,
    RED,
    SHARE,
    YELLOW,
    AnyPanel,
    Query,
    Steps,
    Text,
    figures,
    lines,
    matrix,
    rows,
)
from groupnl.monitoring.dashboards.queries import WATCHED, WINDOW, in_window, recorded
from groupnl.monitoring.promql import OF_CELLS, counted, mean, ratio, wilson
from groupnl.monitoring.recorded.level import LEAST_POOLED_PAIRS
from groupnl.monitoring.recording import AGREEMENT_MARGIN, CORRUPTION, RECENT, named
from groupnl.monitoring.recording import MODEL as BY_MODEL
from groupnl.monitoring.robustness_alerts import Z_OF_ALERTS

NOT_ACCURACY = "Agreement is not accuracy: a model that always says the same has 100 %."
# Measured in docs/report.md.
NO_GOOD_NEWS = (
    "High is no good news by itself, and has no colour: a broken picture is answered steadily. With dark images the "
    "default model was right in 2 % instead of 38 %, and its agreement rose from 70 % to 85 %. Only lower than "
    "expected has a colour."
)
# What was measured on held-back images before packing, or the service's own level: as the rules were written.
USUAL = recorded(named(CORRUPTION, "usual_agreement"))
AGAINST_EXPECTED = {
    "0": ("not shown to be lower", GREY),
    "1": ("lower than expected", YELLOW),
    "2": ("not compared", GREY),
}
# How far a whole interval lies below what was measured before packing.
SURELY_LOWER: Steps = ((None, CLEAR), (AGREEMENT_MARGIN, YELLOW), (3 * AGREEMENT_MARGIN, RED))
OF_MANY = "Of 95 % intervals one in twenty misses: about five of 95 cells, about one of 19 corruptions."


def agreement(by: str, where: str = WATCHED) -> str:
    """The share of pairs in the chosen window whose best class stayed."""
    return f"1 - {ratio(in_window(SHADOW_FLIPS, by, where), in_window(SHADOW_PAIRS, by, where))}"


def expected() -> str:
    """The agreement that the window's pairs would have if it were as usual, corruption by corruption.

    Nothing where a corruption with pairs has nothing usual: the figure beside it is of all of them.
    """
    pairs, usual = in_window(SHADOW_PAIRS, CORRUPTION), USUAL
    return (
        f"sum by ({BY_MODEL}) ({pairs} * {usual})\n/\n(sum by ({BY_MODEL}) ({pairs}) > 0)\n"
        f"unless\ngroup by ({BY_MODEL}) ({pairs} > 0 unless {usual})"
    )


def _archives_differ() -> str:
    """The window's pairs are of several archives, and what is usual is of the last one."""
    served = f"group by ({BY_MODEL}, archive_sha256) (last_over_time({BUILD_INFO.name}{{{WATCHED}}}[{WINDOW}]))"
    return f"count by ({BY_MODEL}) ({served}) > 1"


def agreement_figure(width: int) -> AnyPanel:
    """Agreement over everything, beside what is expected, with its interval and the number of pairs."""
    share, pairs = f"({agreement(BY_MODEL)})", f"({in_window(SHADOW_PAIRS, BY_MODEL)})"
    limit = f"({expected()}) - {AGREEMENT_MARGIN:g}"
    lower = f"({wilson(share, pairs, 1, Z_OF_ALERTS)} < bool ({limit}))"
    state = f"{lower}\nand {pairs} >= {LEAST_POOLED_PAIRS}\nunless {_archives_differ()}\nor {pairs} * 0 + 2"
    text = Text(
        "Answers that stay under corruption, last $window",
        "How often the answer to a live image stays the same when the image is corrupted, over all corruptions and "
        "severities, with its 95 % interval; and what the same corruptions give usually: before packing, on held-back "
        "images. "
        f"Lower: the interval's upper end (z = {Z_OF_ALERTS:g}) is more than {AGREEMENT_MARGIN * 100:g} points below "
        f"that, with {LEAST_POOLED_PAIRS} pairs or more. Not compared: too few pairs, a corruption of which nothing is "
        f"usual, or pairs of several archives. {NO_GOOD_NEWS} {NOT_ACCURACY}",
        width,
        FIGURES_HEIGHT,
        "no pairs yet",
    )
    return figures(
        text,
        [
            Query("answers that stay", share, decimals=1),
            Query("at least", wilson(share, pairs, -1), decimals=1),
            Query("at most", wilson(share, pairs, 1), decimals=1),
            Query("expected", expected(), decimals=1),
            Query("that is", state, unit=NUMBER, words=AGAINST_EXPECTED),
            Query("pairs", pairs, unit=COUNT, decimals=0),
        ],
    )


def bound_figure(width: int) -> AnyPanel:
    """What the flips allow the accuracy to have changed."""
    text = Text(
        "Accuracy under corruption, last $window",
        "Without a single label: as long as a corruption keeps the class of the image, accuracy on corrupted "
        "images differs from that on clean ones by at most the share of changed answers; here its upper 95 % bound. "
        "It may well differ by less. If the clean images are broken already, so is the accuracy that it differs from. "
        "A change within a group of classes that are alike may matter less than one out of it.",
        width,
        FIGURES_HEIGHT,
        "no pairs yet",
    )
    pairs = f"({in_window(SHADOW_PAIRS, BY_MODEL)})"
    changed = f"({ratio(in_window(SHADOW_FLIPS, BY_MODEL), in_window(SHADOW_PAIRS, BY_MODEL))})"
    in_five, in_group = (
        ratio(in_window(family, BY_MODEL), in_window(SHADOW_PAIRS, BY_MODEL))
        for family in (SHADOW_TOP5_KEPT, SHADOW_GROUP_KEPT)
    )
    return figures(
        text,
        [
            Query("differs at most by", wilson(changed, pairs, 1), decimals=1),
            Query("clean answer still in five", in_five, decimals=1),
            Query("stays in its group of classes", in_group, decimals=1),
        ],
    )


def matrix_row() -> Sequence[AnyPanel]:
    """Corruption against severity, with the numbers of pairs; then each corruption with its interval."""
    by, where = "corruption, severity", f"{WATCHED}, {OF_CELLS}"
    reading = "Rows are corruptions, columns severities. Severity is no common scale: compare within a row."
    whose = f"{OF_MANY} Replicas that show no severities (--metrics-detail) are not in it."
    cells = matrix(
        Text(
            "Answers that stay, last $window",
            f"{reading} The colour is the level, not good or bad. {NOT_ACCURACY} See the pairs beside it. {whose}",
            14,
            19,
        ),
        "corruption",
        "severity",
        Query("agreement", agreement(by, where)),
        SHARE,
        FieldColorModeId.CONTINUOUS_BLUES,
        1,
    )
    pairs = matrix(
        Text("Pairs, last $window", "How many pairs each cell rests on. Below 30, a cell says little.", 10, 19),
        "corruption",
        "severity",
        Query("pairs", in_window(SHADOW_PAIRS, by, where)),
        COUNT,
        FieldColorModeId.CONTINUOUS_BLUES,
        None,
    )
    return [cells, pairs, _by_corruption(), _over_time()]


def _by_corruption() -> AnyPanel:
    share, upper = (named(CORRUPTION, figure, RECENT) for figure in ("agreement", "agreement_upper"))
    usual = f"max by (corruption) ({USUAL})"
    text = Text(
        f"Each corruption, last {RECENT}",
        "Agreement with its 95 % interval, beside what is usual: as measured before packing, or the service's own "
        "level if the rules were written so. Surely lower by: how far even the interval's upper end is below that; "
        f"only this has a colour. {OF_MANY} In its group: the answer stays among classes that are alike. No numbers: "
        "corrupted answers that were not finite; they count as changed. Loss of confidence: of the clean answer's "
        "probability.",
        24,
        17,
    )
    columns = [
        Query("answers that stay", recorded(share, by="corruption"), decimals=1),
        Query("at least", recorded(named(CORRUPTION, "agreement_lower", RECENT), by="corruption"), decimals=1),
        Query("at most", recorded(upper, by="corruption"), decimals=1),
        Query("pairs", recorded(named(CORRUPTION, "pairs", RECENT), by="corruption"), unit=COUNT, decimals=0),
        Query("usually", usual, decimals=1),
        Query(
            "surely lower by",
            f"clamp_min({usual} - {recorded(upper, by='corruption')}, 0)",
            steps=SURELY_LOWER,
            decimals=1,
        ),
        Query("still in five", recorded(named(CORRUPTION, "top5_kept", RECENT), by="corruption"), decimals=1),
        Query("in its group", _share_of_recent(SHADOW_GROUP_KEPT), decimals=1),
        Query("no numbers", counted(SHADOW_NOT_FINITE, "corruption", RECENT, WATCHED), unit=COUNT, decimals=0),
        Query("mean loss of confidence", mean(SHADOW_CONFIDENCE_DROP, "corruption", RECENT, WATCHED), decimals=1),
        Query("mean divergence, bits", mean(SHADOW_JS_BITS, "corruption", RECENT, WATCHED), unit=NUMBER, decimals=3),
    ]
    return rows(text, ["corruption"], columns)


def _share_of_recent(family: Family) -> str:
    kept, pairs = (counted(one, "corruption", RECENT, WATCHED) for one in (family, SHADOW_PAIRS))
    return ratio(kept, pairs)


def _over_time() -> AnyPanel:
    text = Text(
        "Does it change?",
        "Agreement in a sliding window, against that since the service's start and what was expected before packing. "
        "A change, up or down, says that the traffic changed, or the model. No change says nothing: traffic can break "
        "without one.",
        24,
        LINES_HEIGHT,
    )
    since_start = recorded(named(BY_MODEL, "agreement"), by=BY_MODEL)
    queries = [
        Query("last $window", agreement(BY_MODEL)),
        Query("since the start", since_start),
        Query("expected", expected()),
    ]
    return lines(text, queries, SHARE, most=1)
