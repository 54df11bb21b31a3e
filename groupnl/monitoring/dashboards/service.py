"""The panels on the service itself: requests, latency, batches, saturation."""

from collections.abc import Sequence

from groupnl.metrics import BATCH_SIZE, REJECTED, REQUESTS, STAGE_SECONDS, WORKER_STARTS
from groupnl.monitoring.dashboards.panels import (
    COUNT,
    FIGURES_HEIGHT,
    GREEN,
    NUMBER,
    RATE,
    RED,
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
from groupnl.monitoring.dashboards.queries import MODEL, RATE_WINDOW, WINDOW
from groupnl.monitoring.promql import OF_STAGES, OF_WHOLE_BATCHES, counted, mean, quantile
from groupnl.monitoring.recording import AVAILABLE_SHARE, FAST_SECONDS, FAST_SHARE, named
from groupnl.monitoring.recording import MODEL as BY_MODEL
from groupnl.monitoring.requests import (
    FAILED,
    REFUSED,
    SUCCEEDED,
    answered,
    machine_cpu,
    machine_memory,
    mean_wait,
    rate,
)

WHOLE_BATCHES = f"{MODEL}, {OF_WHOLE_BATCHES}"


def service_figure(width: int) -> AnyPanel:
    """Whether clients are answered, and whether anything is wrong."""
    text = Text(
        "Service, last $window",
        "Requests that did not fail for a fault of ours or a full queue (all models; the objective is "
        f"{AVAILABLE_SHARE:.1%}), and alerts that are firing.",
        width,
        FIGURES_HEIGHT,
        "no requests yet",
    )
    share = f"1 - {rate(FAILED, WINDOW)} / ({answered(WINDOW)} > 0)"
    answers = counted(REQUESTS, BY_MODEL, WINDOW, MODEL)
    return figures(
        text,
        [
            Query("answered", share, steps=((None, RED), (0.99, YELLOW), (AVAILABLE_SHARE, GREEN)), decimals=2),
            Query("answers of $model", answers, unit=COUNT, decimals=0),
            Query("pages", _firing("page"), unit=COUNT, steps=((None, GREEN), (1, RED))),
            Query("tickets", _firing("ticket"), unit=COUNT, steps=((None, GREEN), (1, YELLOW))),
        ],
    )


def _firing(severity: str) -> str:
    return f'count(ALERTS{{alertstate="firing", severity="{severity}"}}) or vector(0)'


def request_row() -> Sequence[AnyPanel]:
    """Requests, errors, latency."""
    return [_answers(), _all_requests(), _refused(), _latency(), _stages(), _burn()]


def _answers() -> AnyPanel:
    text = Text("Answers of $model", "What the workers answered, by HTTP status. 4xx is the client's fault.", 8, 8)
    rate = f"sum by (code) (rate({REQUESTS.name}{{{MODEL}}}[{RATE_WINDOW}]))"
    return lines(text, [Query("{{code}}", rate)], RATE, stacked=True)


def _all_requests() -> AnyPanel:
    text = Text(
        "Requests of all models, by result",
        "What the server answered. Failed ones include full queues (503), which never reach a worker.",
        8,
        8,
    )
    results = {"success": SUCCEEDED, "refused (4xx)": REFUSED, "failed (5xx)": FAILED}
    return lines(text, [Query(name, rate(result, RATE_WINDOW)) for name, result in results.items()], RATE)


def _refused() -> AnyPanel:
    text = Text(
        "Refused inputs of $model", "Why images were refused. Only reasons that occurred in the window.", 8, 8, "none"
    )
    rate = f"sum by (reason) (rate({REJECTED.name}{{{MODEL}}}[{RATE_WINDOW}]))"
    return lines(text, [Query("{{reason}}", rate)], RATE, stacked=True)


def _latency() -> AnyPanel:
    text = Text(
        "Time for a batch in the worker",
        f"From the first byte decoded to the last answer. The objective: {FAST_SHARE:.0%} within {FAST_SECONDS:g} "
        "s (red line).",
        8,
        8,
    )
    queries = [
        Query(f"p{share * 100:g}", quantile(share, STAGE_SECONDS, "model", RATE_WINDOW, WHOLE_BATCHES))
        for share in (0.5, 0.95, 0.99)
    ]
    return limit_line(lines(text, queries, SECONDS), FAST_SECONDS)


def _stages() -> AnyPanel:
    text = Text(
        "Mean time of each stage",
        "Decoding and preprocessing of one image; inference and answering of one batch.",
        8,
        8,
    )
    part = f"{MODEL}, {OF_STAGES}"
    return lines(text, [Query("{{stage}}", mean(STAGE_SECONDS, "stage", RATE_WINDOW, part))], SECONDS)


def _burn() -> AnyPanel:
    text = Text(
        "How fast the error budget burns",
        "1: it lasts exactly as long as the objective allows. 14.4 over an hour calls somebody.",
        8,
        8,
    )
    budget = f"{1 - AVAILABLE_SHARE:.6g}"
    slow_budget = f"{1 - FAST_SHARE:.6g}"
    queries = [
        Query("failures, last hour", f"service:groupnl_failed_requests:1h / {budget}"),
        Query("failures, last 6 hours", f"service:groupnl_failed_requests:6h / {budget}"),
        Query("slow batches, last hour", f"{named(BY_MODEL, 'slow_batches', '1h')}{{{MODEL}}} / {slow_budget}"),
    ]
    return limit_line(lines(text, queries, NUMBER), 1)


def saturation_row() -> Sequence[AnyPanel]:
    """Batches and saturation."""
    return [_batch_size(), _queue_wait(), _busy(), _host()]


def _batch_size() -> AnyPanel:
    text = Text("Images in a batch", "Near 1: little traffic. At the batch size: the model is busy.", 6, 8)
    return lines(text, [Query("mean", mean(BATCH_SIZE, "model", RATE_WINDOW, MODEL))], NUMBER)


def _queue_wait() -> AnyPanel:
    text = Text(
        "Mean wait for a batch",
        "In the server's queue, with the batch delay. It grows before requests are refused.",
        6,
        8,
    )
    return lines(text, [Query("wait", mean_wait("$model", RATE_WINDOW))], SECONDS)


def _busy() -> AnyPanel:
    text = Text(
        "Workers at work",
        "How many workers of $model compute on average. At their number the model is saturated. Starts beyond "
        "the first are restarts.",
        6,
        8,
    )
    busy = f"sum(rate({STAGE_SECONDS.name}_sum{{{WHOLE_BATCHES}}}[{RATE_WINDOW}]))"
    starts = f"sum({WORKER_STARTS.name}{{{MODEL}}})"
    return lines(text, [Query("busy workers", busy), Query("starts since the service's start", starts)], NUMBER)


def _host() -> AnyPanel:
    text = Text("The machine", "CPU and memory in use, as the server sees them; TorchServe looks once a minute.", 6, 8)
    queries = [
        Query("CPU", machine_cpu()),
        Query("memory", machine_memory()),
    ]
    return lines(text, queries, SHARE, most=1)
