"""The panels on a model and its candidate, which answers the same images out of the clients' sight."""

from collections.abc import Sequence

from groupnl.metrics import (
    BOTH_FLIP,
    BOTH_HOLD,
    CANDIDATE_DISAGREEMENTS,
    CANDIDATE_HOLDS,
    CANDIDATE_SECONDS,
    ONLY_CANDIDATE_RIGHT,
    ONLY_MODEL_RIGHT,
)
from groupnl.monitoring.dashboards.panels import (
    BLUE,
    COUNT,
    FIGURES_HEIGHT,
    GREY,
    SECONDS,
    YELLOW,
    AnyPanel,
    Query,
    Text,
    figures,
    rows,
)
from groupnl.monitoring.dashboards.queries import WATCHED, recorded
from groupnl.monitoring.promql import SINCE_START, counted, mean
from groupnl.monitoring.recorded.candidate import HOLDS, RIGHT
from groupnl.monitoring.recording import CANDIDATE, RECENT, named

NO_CANDIDATE = "no candidate, or no images yet"
TABLE_HEIGHT = 14
MOST_PAIRS = 15
WHO = {"1": ("the model", BLUE), "0": ("undecided", GREY), "-1": ("the candidate", YELLOW)}


def candidate_row() -> Sequence[AnyPanel]:
    """Whether it answers as the model does, who holds and who is right, what it takes; then where they differ."""
    return [_agreement(6), _holds(6), _right(6), _seconds(6), _pairs(12), _by_corruption(12)]


def _agreement(width: int) -> AnyPanel:
    text = Text(
        f"Same answers as the candidate, last {RECENT}",
        "How often the candidate and $watched name the same class on clean live images, with its 95 % interval, and "
        "the share of images to which the candidate had no answer. Agreement does not say who is right where they "
        "differ.",
        width,
        FIGURES_HEIGHT,
        NO_CANDIDATE,
    )

    def figure(name: str) -> str:
        return recorded(named(CANDIDATE, name, RECENT))

    return figures(
        text,
        [
            Query("as {{candidate}}", figure("candidate_agreement"), decimals=1),
            Query("at least", figure("candidate_agreement_lower"), decimals=1),
            Query("at most", figure("candidate_agreement_upper"), decimals=1),
            Query("images", figure("candidate_images"), unit=COUNT, decimals=0),
            Query("without its answer", figure("candidate_failed"), decimals=2),
        ],
    )


def _holds(width: int) -> AnyPanel:
    text = Text(
        "Who keeps its answers under corruption",
        "An image counts when exactly one of the two keeps its own clean answer under the same corruption. The test "
        "may be looked at as often as you like, from one start to the next. Who keeps its answers need not be right.",
        width,
        FIGURES_HEIGHT,
        NO_CANDIDATE,
    )
    return _verdict(text, HOLDS, "held")


def _right(width: int) -> AnyPanel:
    text = Text(
        "Who is right more often",
        "By labels, with the request or later: an image counts when exactly one of the two is right, without "
        "corruption. The test may be looked at as often as you like, from one start to the next. groupnl gate "
        "decides.",
        width,
        FIGURES_HEIGHT,
        "no labels yet",
    )
    return _verdict(text, RIGHT, "was right")


def _verdict(text: Text, test: str, did: str) -> AnyPanel:
    return figures(
        text,
        [
            Query("more often", recorded(named(CANDIDATE, f"{test}verdict")), words=WHO),
            Query(f"only $watched {did}", recorded(named(CANDIDATE, f"{test}{ONLY_MODEL_RIGHT}")), decimals=0),
            Query(
                f"only {{{{candidate}}}} {did}", recorded(named(CANDIDATE, f"{test}{ONLY_CANDIDATE_RIGHT}")), decimals=0
            ),
            Query("images that decide", recorded(named(CANDIDATE, f"{test}decisive_pairs")), decimals=0),
        ],
        COUNT,
    )


def _seconds(width: int) -> AnyPanel:
    text = Text(
        f"Time for an image, last {RECENT}",
        "What the shadow process takes for an image, on average, of the model and of its candidate: on the idle "
        "machine's cores, one after the other. What clients would wait, groupnl bench tells.",
        width,
        FIGURES_HEIGHT,
        NO_CANDIDATE,
    )
    return figures(
        text, [Query("{{network}}", mean(CANDIDATE_SECONDS, "network", RECENT, WATCHED), decimals=1)], SECONDS
    )


def _pairs(width: int) -> AnyPanel:
    text = Text(
        "Where they differ, since the service's start",
        f"The {MOST_PAIRS} pairs of classes that model and candidate name most often where they name different ones. "
        "other: pairs that are not counted by themselves.",
        width,
        TABLE_HEIGHT,
        NO_CANDIDATE,
    )
    by = "candidate, model_class, candidate_class"
    most = f"topk({MOST_PAIRS}, {counted(CANDIDATE_DISAGREEMENTS, by, SINCE_START, WATCHED)} > 0)"
    return rows(
        text, ["candidate", "model_class", "candidate_class"], [Query("images", most, decimals=0)], COUNT, "images"
    )


def _by_corruption(width: int) -> AnyPanel:
    text = Text(
        "Each corruption, since the service's start: who holds",
        "Images by who kept its own clean answer under the same corruption. With few images the two lie apart by "
        "chance.",
        width,
        TABLE_HEIGHT,
        NO_CANDIDATE,
    )

    def images(outcome: str) -> str:
        where = f'{WATCHED}, outcome="{outcome}"'
        return counted(CANDIDATE_HOLDS, "corruption, candidate", SINCE_START, where)

    columns = [
        Query("both held", images(BOTH_HOLD), decimals=0),
        Query("only the model held", images(ONLY_MODEL_RIGHT), decimals=0),
        Query("only the candidate held", images(ONLY_CANDIDATE_RIGHT), decimals=0),
        Query("both changed", images(BOTH_FLIP), decimals=0),
    ]
    return rows(text, ["corruption", "candidate"], columns, COUNT)
