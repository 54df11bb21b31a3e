"""The panels on agreement: what is found without labels."""

from collections.abc import Sequence

from grafana_foundation_sdk.models.dashboard import FieldColorModeId

from groupnl.metrics import (
    OFFLINE_AGREEMENT,
    SHADOW_CONFIDENCE_DROP,
    SHADOW_FLIPS,
    SHADOW_JS_BITS,
    SHADOW_PAIRS,
    SHADOW_TOP5_KEPT,
)
from groupnl.monitoring.dashboards.panels import (
    COUNT,
    FIGURES_HEIGHT,
    GREEN,
    NUMBER,
    PLAIN,
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
from groupnl.monitoring.dashboards.queries import MODEL, in_window, recorded
from groupnl.monitoring.promql import mean, ratio, wilson
from groupnl.monitoring.recording import CORRUPTION, RECENT, named
from groupnl.monitoring.recording import MODEL as BY_MODEL

AGREEMENT_STEPS: Steps = ((None, RED), (0.5, YELLOW), (0.75, GREEN))
NOT_ACCURACY = "Agreement is not accuracy: a model that always says the same has 100 %."


def agreement(by: str) -> str:
    """The share of pairs in the chosen window whose best class stayed."""
    return f"1 - {ratio(in_window(SHADOW_FLIPS, by), in_window(SHADOW_PAIRS, by))}"


def agreement_figure(width: int) -> AnyPanel:
    """Agreement over everything, with its interval and the number of pairs."""
    share, pairs = f"({agreement(BY_MODEL)})", f"({in_window(SHADOW_PAIRS, BY_MODEL)})"
    text = Text(
        "Agreement under corruption, last $window",
        "How often the answer to a live image stays the same when the image is corrupted, over all corruptions "
        f"and severities, with its 95 % interval and the number of pairs. {NOT_ACCURACY}",
        width,
        FIGURES_HEIGHT,
        "no pairs yet",
    )
    return figures(
        text,
        [
            Query("answers that stay", share, decimals=1),
            Query("at least", wilson(share, pairs, -1), steps=PLAIN, decimals=1),
            Query("at most", wilson(share, pairs, 1), steps=PLAIN, decimals=1),
            Query("pairs", pairs, unit=COUNT, steps=PLAIN, decimals=0),
        ],
        steps=AGREEMENT_STEPS,
    )


def bound_figure(width: int) -> AnyPanel:
    """What the flips allow the accuracy to have changed."""
    text = Text(
        "Accuracy under corruption, last $window",
        "Without a single label: as long as a corruption keeps the class of the image, accuracy on corrupted "
        "images differs from that on clean ones by at most the share of changed answers. It may well differ by less.",
        width,
        FIGURES_HEIGHT,
        "no pairs yet",
    )
    changed = ratio(in_window(SHADOW_FLIPS, BY_MODEL), in_window(SHADOW_PAIRS, BY_MODEL))
    kept = ratio(in_window(SHADOW_TOP5_KEPT, BY_MODEL), in_window(SHADOW_PAIRS, BY_MODEL))
    return figures(
        text, [Query("differs at most by", changed, decimals=1), Query("clean answer still in five", kept, decimals=1)]
    )


def matrix_row() -> Sequence[AnyPanel]:
    """Corruption against severity, with the numbers of pairs; then each corruption with its interval."""
    by = "corruption, severity"
    reading = "Rows are corruptions, columns severities. Severity is no common scale: compare within a row."
    cells = matrix(
        Text("Answers that stay, last $window", f"{reading} {NOT_ACCURACY} See the pairs beside it.", 14, 19),
        "corruption",
        "severity",
        Query("agreement", agreement(by)),
        SHARE,
        FieldColorModeId.CONTINUOUS_RD_YL_GR,
        1,
    )
    pairs = matrix(
        Text("Pairs, last $window", "How many pairs each cell rests on. Below 30, a cell says little.", 10, 19),
        "corruption",
        "severity",
        Query("pairs", in_window(SHADOW_PAIRS, by)),
        COUNT,
        FieldColorModeId.CONTINUOUS_BLUES,
        None,
    )
    return [cells, pairs, _by_corruption(), _over_time()]


def _by_corruption() -> AnyPanel:
    share, offline = (
        named(CORRUPTION, "agreement", RECENT),
        f"max by (corruption) ({OFFLINE_AGREEMENT.name}{{{MODEL}}})",
    )
    text = Text(
        f"Each corruption, last {RECENT}",
        "Agreement with its 95 % interval, beside what was measured on held-back images before packing. A ticket "
        "is written when even the upper end is clearly below that. Loss of confidence: of the clean answer's "
        "probability.",
        24,
        17,
    )
    columns = [
        Query("answers that stay", recorded(share, by="corruption"), steps=AGREEMENT_STEPS, decimals=1),
        Query("at least", recorded(named(CORRUPTION, "agreement_lower", RECENT), by="corruption"), decimals=1),
        Query("at most", recorded(named(CORRUPTION, "agreement_upper", RECENT), by="corruption"), decimals=1),
        Query("pairs", recorded(named(CORRUPTION, "pairs", RECENT), by="corruption"), unit=COUNT, decimals=0),
        Query("before packing", offline, decimals=1),
        Query("still in five", recorded(named(CORRUPTION, "top5_kept", RECENT), by="corruption"), decimals=1),
        Query("mean loss of confidence", mean(SHADOW_CONFIDENCE_DROP, "corruption", RECENT, MODEL), decimals=1),
        Query("mean divergence, bits", mean(SHADOW_JS_BITS, "corruption", RECENT, MODEL), unit=NUMBER, decimals=3),
    ]
    return rows(text, "corruption", columns)


def _over_time() -> AnyPanel:
    text = Text(
        "Is it getting worse?",
        "Agreement in a sliding window, against that since the service's start. A fall means that the traffic "
        "changed, or the model.",
        24,
        8,
    )
    since_start = recorded(named(BY_MODEL, "agreement"), by="model")
    return lines(
        text, [Query("last $window", agreement(BY_MODEL)), Query("since the start", since_start)], SHARE, most=1
    )
