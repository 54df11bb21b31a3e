"""The panels on requests: how many, how they were answered, how long they took."""

from collections.abc import Sequence

from groupnl.metrics import ANSWERS, QUEUE_SECONDS, REJECTED, REQUEST_SECONDS, REQUESTS, STAGE_SECONDS, Family
from groupnl.monitoring.dashboards.panels import (
    LINES_HEIGHT,
    NUMBER,
    RATE,
    SECONDS,
    AnyPanel,
    Query,
    Text,
    heat,
    limit_line,
    lines,
)
from groupnl.monitoring.dashboards.queries import CHOSEN, MODELS, RATE_WINDOW, per_second
from groupnl.monitoring.promql import OF_STAGES, OF_WHOLE_BATCHES, mean, quantile
from groupnl.monitoring.recording import AVAILABLE_SHARE, FAST_SECONDS, FAST_SHARE, named
from groupnl.monitoring.recording import MODEL as BY_MODEL
from groupnl.monitoring.requests import FAILED, REFUSED, SUCCEEDED, rate

WHOLE_BATCHES = f"{CHOSEN}, {OF_WHOLE_BATCHES}"
SHARES = (0.5, 0.95, 0.99)


def request_row() -> Sequence[AnyPanel]:
    """Latency as clients see it, answers, refusals, the error budget."""
    return [_whole_requests(), _protocols(), _all_requests(), _answers(), _refused(), _burn()]


def _whole_requests() -> AnyPanel:
    text = Text(
        "Time of whole requests",
        "From a request's first byte to its whole answer, as the client sees it: sending, queue, computing. Our own "
        "server only; of TorchServe see the batches below.",
        8,
        LINES_HEIGHT,
        "not told by TorchServe",
    )
    return lines(text, _quantiles(REQUEST_SECONDS, CHOSEN), SECONDS)


def _protocols() -> AnyPanel:
    text = Text(
        "Answers, by protocol and status",
        "What our own server answered, also what no worker has seen: refused, queue full, too late.",
        8,
        LINES_HEIGHT,
        "not told by TorchServe",
    )
    answers = f"{per_second(ANSWERS, 'protocol, code')} > 0"
    return lines(text, [Query("{{protocol}} {{code}}", answers)], RATE, stacked=True)


def _all_requests() -> AnyPanel:
    text = Text(
        "Requests of all models, by result",
        "What the server answered, all models and replicas. Failed ones include full queues (503), which never reach a "
        "worker.",
        8,
        LINES_HEIGHT,
    )
    results = {"success": SUCCEEDED, "refused (4xx)": REFUSED, "failed (5xx)": FAILED}
    return lines(text, [Query(name, rate(result, RATE_WINDOW)) for name, result in results.items()], RATE)


def _answers() -> AnyPanel:
    text = Text(
        "Answers of the workers",
        "By model and HTTP status; only what has occurred in the window. 4xx is the client's fault.",
        8,
        LINES_HEIGHT,
    )
    return lines(text, [Query("{{model}} {{code}}", f"{per_second(REQUESTS, 'model, code')} > 0")], RATE, stacked=True)


def _refused() -> AnyPanel:
    text = Text(
        "Refused inputs",
        "Why images were refused, by model and reason. At 0 while there is none.",
        8,
        LINES_HEIGHT,
        "none",
    )
    return lines(text, [Query("{{model}} {{reason}}", per_second(REJECTED, "model, reason"))], RATE, stacked=True)


def _burn() -> AnyPanel:
    text = Text(
        "How fast the error budget burns",
        "1: it lasts exactly as long as the objective allows. 14.4 over an hour calls somebody.",
        8,
        LINES_HEIGHT,
    )
    budget = f"{1 - AVAILABLE_SHARE:.6g}"
    slow_budget = f"{1 - FAST_SHARE:.6g}"
    slow = f"{named(BY_MODEL, 'slow_requests', '1h')}{{{MODELS}}} / {slow_budget}"
    queries = [
        Query("failures, last hour", f"service:groupnl_failed_requests:1h / {budget}"),
        Query("failures, last 6 hours", f"service:groupnl_failed_requests:6h / {budget}"),
        Query("{{model}}: slow, last hour", slow),
    ]
    return limit_line(lines(text, queries, NUMBER), 1)


def latency_row() -> Sequence[AnyPanel]:
    """Where the time goes."""
    return [_spread(), _spread_of_waiting(), _batches(), _stages()]


def _spread() -> AnyPanel:
    text = Text(
        "Whole requests, how they are spread",
        "Requests by the time that they took, all chosen models; the darker, the more. Two bands are two kinds of "
        "requests, which percentiles hide.",
        12,
        LINES_HEIGHT,
        "not told by TorchServe",
    )
    return heat(text, Query("{{le}}", _buckets(REQUEST_SECONDS)), SECONDS)


def _spread_of_waiting() -> AnyPanel:
    text = Text(
        "Waiting in the queue, how it is spread",
        "Images by the time that they waited for a worker, all chosen models; with the batch delay.",
        12,
        LINES_HEIGHT,
        "not told by TorchServe",
    )
    return heat(text, Query("{{le}}", _buckets(QUEUE_SECONDS)), SECONDS)


def _batches() -> AnyPanel:
    text = Text(
        "Time for a batch in the worker",
        f"From the first byte decoded to the last answer. The objective: {FAST_SHARE:.0%} within {FAST_SECONDS:g} "
        "s (red line).",
        12,
        LINES_HEIGHT,
    )
    return limit_line(lines(text, _quantiles(STAGE_SECONDS, WHOLE_BATCHES), SECONDS), FAST_SECONDS)


def _stages() -> AnyPanel:
    text = Text(
        "Mean time of each stage",
        "Decoding and preprocessing of one image; inference and answering of one batch.",
        12,
        LINES_HEIGHT,
    )
    of_stages = mean(STAGE_SECONDS, "model, stage", RATE_WINDOW, f"{CHOSEN}, {OF_STAGES}")
    return lines(text, [Query("{{model}} {{stage}}", of_stages)], SECONDS)


def _quantiles(family: Family, where: str) -> list[Query]:
    return [
        Query(f"{{{{model}}}} p{share * 100:g}", quantile(share, family, "model", RATE_WINDOW, where))
        for share in SHARES
    ]


def _buckets(family: Family) -> str:
    return f"sum by (le) (increase({family.name}_bucket{{{CHOSEN}}}[{RATE_WINDOW}]))"
