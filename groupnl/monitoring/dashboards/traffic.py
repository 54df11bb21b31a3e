"""The panels on the traffic: what today's images look like, and what that costs."""

from collections.abc import Sequence

from groupnl.metrics import (
    CONFIDENCE,
    ENTROPY,
    EXPECTED_CONFIDENCE,
    EXPECTED_ENTROPY,
    EXPECTED_IMAGES,
    EXPECTED_PREDICTED,
    OFFLINE_ACCURACY,
    TRAFFIC_RANK,
    Family,
)
from groupnl.monitoring.dashboards.panels import (
    COUNT,
    FIGURES_HEIGHT,
    GREY,
    RED,
    SHARE,
    YELLOW,
    AnyPanel,
    Query,
    Text,
    bars,
    figures,
    limit_line,
    lines,
    rows,
)
from groupnl.monitoring.dashboards.queries import CORRUPTED, WATCHED, WINDOW, recorded
from groupnl.monitoring.promql import IS_CLEAN, mean, told
from groupnl.monitoring.recording import CLASS, CORRUPTION, DAY, FIGURE, STATISTIC, named
from groupnl.monitoring.recording import MODEL as BY_MODEL
from groupnl.traffic.drift import ANSWER_MARGIN, LEAST_IMAGES, SHARE_MARGIN, STATISTIC_MARGIN
from groupnl.traffic.mixture import ACCURACY, AGREEMENT

LOOK_HEIGHT = 11
MOST_CLASSES = 15
NOT_KNOWN = "no record of held-back images, or no window of a week"
STATES = {
    "0": ("like the held-back images", GREY),
    "1": ("unlike the held-back images", YELLOW),
    "2": ("partly corrupted", YELLOW),
    "3": ("broken: estimates are withdrawn", RED),
    "4": ("too few images to tell", GREY),
}
# What says so, the gravest first, and the state's value.
TICKETS = {"GroupNLTrafficBroken": 3, "GroupNLTrafficLooksCorrupted": 2, "GroupNLTrafficUnlike": 1}


def traffic_row() -> Sequence[AnyPanel]:
    """What today's images look like, then each way in which they may be unlike the held-back ones."""
    return [
        _expected(7),
        _in_words(7),
        _corruptions(10),
        _statistics(8),
        _distribution("Confidence", "of an answer's best class", CONFIDENCE, EXPECTED_CONFIDENCE),
        _distribution("Entropy", "of an answer, over the most that it can be", ENTROPY, EXPECTED_ENTROPY),
        _classes(8),
        _shares_over_time(8),
        _gaps_over_time(8),
    ]


def _share(part: str = "", where: str = CORRUPTED) -> str:
    return recorded(named(CORRUPTION, f"traffic_share{part}", WINDOW), where)


def _surely(expr: str) -> str:
    """Of those corruptions alone of which there is surely more than a little."""
    return f"{expr}\nand {_share('_lower')} > {SHARE_MARGIN:g}"


def _expected(width: int) -> AnyPanel:
    text = Text(
        "Today's traffic, last $window",
        "That is: by the tickets that are open, of any window. To expect: what held-back images gave that were "
        "corrupted as live ones look to be, with a 95 % interval, beside what clean ones gave. It is no measurement of "
        f"live answers. Below {LEAST_IMAGES} images in a day nothing can be said.",
        width,
        LOOK_HEIGHT,
        NOT_KNOWN,
    )

    def expects(figure: str, end: str = "") -> str:
        return recorded(named(FIGURE, f"traffic_expects{end}", WINDOW), f'{WATCHED}, figure="{figure}"')

    return figures(
        text,
        [
            Query("that is", traffic_state(), words=STATES),
            Query("accuracy to expect", expects(ACCURACY), decimals=1),
            Query("at least", expects(ACCURACY, "_lower"), decimals=1),
            Query("at most", expects(ACCURACY, "_upper"), decimals=1),
            Query(
                "clean images, before packing", told(OFFLINE_ACCURACY, BY_MODEL, f"{WATCHED}, {IS_CLEAN}"), decimals=1
            ),
            Query("answers that stay, to expect", expects(AGREEMENT), decimals=1),
            Query("images looked at", recorded(named(BY_MODEL, "looked_at", WINDOW)), unit=COUNT, decimals=0),
        ],
    )


def traffic_state() -> str:
    """The key of `STATES`: by the gravest ticket; without one by whether a day's images are enough."""
    open_tickets = [
        f'max by (model) (ALERTS{{alertname="{name}", alertstate="firing", {WATCHED}}}) * {value}'
        for name, value in TICKETS.items()
    ]
    looked_at = recorded(named(BY_MODEL, "looked_at", DAY))
    return "\nor\n".join(
        [*open_tickets, f"({looked_at} >= {LEAST_IMAGES}) * 0", f"{told(EXPECTED_IMAGES, BY_MODEL, WATCHED)} * 0 + 4"]
    )


def _in_words(width: int) -> AnyPanel:
    text = Text(
        "In words, last $window",
        "Which corruptions surely more than "
        f"{SHARE_MARGIN:.0%} of the images look to have, the most frequent three, and what they cost: how many points "
        "of accuracy held-back images lost that were so, at the severities that live ones look to have.",
        width,
        LOOK_HEIGHT,
        "nothing looks corrupted",
    )
    largest = f"topk(3, {_surely(_share())})"
    loss = recorded(named(CORRUPTION, "traffic_loss", WINDOW), CORRUPTED)
    return figures(
        text,
        [
            Query("of the images look like {{corruption}}", largest, decimals=0),
            Query("of accuracy lost on those with {{corruption}}", f"{loss}\nand {largest}", decimals=0),
        ],
    )


def _corruptions(width: int) -> AnyPanel:
    text = Text(
        "Each corruption, last $window",
        "The share of the images that look to have it, with its 95 % interval (of 19 about one misses); what it costs "
        "those images, and all of them, by held-back images. Which of two that look alike it is, may err.",
        width,
        LOOK_HEIGHT,
    )

    def by_corruption(part: str) -> str:
        return f"max by (corruption) ({_share(part)})"

    loss = recorded(named(CORRUPTION, "traffic_loss", WINDOW), CORRUPTED, "corruption")
    columns = [
        Query("share", by_corruption(""), decimals=1),
        Query("at least", by_corruption("_lower"), decimals=1),
        Query("at most", by_corruption("_upper"), decimals=1),
        Query("costs those", loss, decimals=1),
        Query("costs all", f"{by_corruption('')} * {loss}", decimals=1),
    ]
    return rows(text, ["corruption"], columns, largest="share")


def _statistics(width: int) -> AnyPanel:
    text = Text(
        "Pixels and answers against held-back images, last $window",
        "Difference: the share of the images that would have to be others, if they were to be spread as held-back ones "
        f"are. Beyond chance: what so few images do not explain; a ticket from {STATISTIC_MARGIN:.0%} on, of "
        f"confidence and entropy from {ANSWER_MARGIN:.0%}. Mean rank: below 50 % it is less than usual, above more.",
        width,
        FIGURES_HEIGHT,
        NOT_KNOWN,
    )
    columns = [
        Query("beyond chance", _of_statistic("rank_gap_beyond"), decimals=1),
        Query("difference", _of_statistic("rank_gap"), decimals=1),
        Query("mean rank", mean(TRAFFIC_RANK, "statistic", WINDOW, WATCHED), decimals=0),
        Query("images", _of_statistic("ranked"), unit=COUNT, decimals=0),
    ]
    return rows(text, ["statistic"], columns)


def _of_statistic(figure: str) -> str:
    return recorded(named(STATISTIC, figure, WINDOW), by="statistic")


def _distribution(name: str, what: str, live: Family, expected: Family) -> AnyPanel:
    text = Text(
        f"{name} against what is expected, last $window",
        f"{name} {what}: the share of all live answers with at most so much, beside that of held-back images. Live "
        "images that come again and again weigh as often as they come.",
        8,
        FIGURES_HEIGHT,
        "no answers yet",
    )
    below, all_ = (
        f"sum by ({by}) (increase({live.name}_{part}{{{WATCHED}{finite}}}[{WINDOW}]))"
        for by, part, finite in (("model, le", "bucket", ', le!="+Inf"'), ("model", "count", ""))
    )
    return bars(
        text,
        "le",
        [
            Query("live", f"max by (le) (\n{below}\n/ on (model) group_left ()\n({all_} > 0)\n)"),
            Query("expected", told(expected, "le", WATCHED)),
        ],
    )


def _classes(width: int) -> AnyPanel:
    expected = told(EXPECTED_PREDICTED, CLASS, WATCHED)
    text = Text(
        "Classes against what is expected, last $window",
        f"The {MOST_CLASSES} classes whose share of the live answers is furthest from that of held-back images. "
        "Another mixture of images is no fault; one class for all of them may be.",
        width,
        FIGURES_HEIGHT,
        "no answers yet",
    )
    share = recorded(named(CLASS, "predicted_share", WINDOW))
    furthest = f"topk({MOST_CLASSES}, abs({share} - {expected}))"
    columns = [
        Query("live", f"max by (class) ({share} and {furthest})", decimals=1),
        Query("expected", f"max by (class) ({expected} and {furthest})", decimals=1),
        Query("apart", f"max by (class) ({furthest})", decimals=1),
    ]
    return rows(text, ["class"], columns, largest="apart")


def _shares_over_time(width: int) -> AnyPanel:
    text = Text(
        "What the images look like, over time",
        f"Shares in a sliding window, of corruptions that surely more than {SHARE_MARGIN:.0%} of the images have. "
        "Empty: nothing looks corrupted.",
        width,
        FIGURES_HEIGHT,
        "nothing looks corrupted",
    )
    return lines(text, [Query("{{corruption}}", _surely(_share()))], SHARE, stacked=True)


def _gaps_over_time(width: int) -> AnyPanel:
    text = Text(
        "How unlike, over time",
        "Each statistic's difference from the held-back images, beyond chance, in a sliding window; of the classes, "
        "too. Red lines: where tickets begin, of confidence and entropy and of the others.",
        width,
        FIGURES_HEIGHT,
        NOT_KNOWN,
    )
    queries = [
        Query("{{statistic}}", recorded(named(STATISTIC, "rank_gap_beyond", WINDOW))),
        Query("classes", recorded(named(BY_MODEL, "class_gap_beyond", WINDOW))),
    ]
    return limit_line(lines(text, queries, SHARE, most=1), ANSWER_MARGIN, STATISTIC_MARGIN)
