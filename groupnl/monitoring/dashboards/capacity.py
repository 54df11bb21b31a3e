"""The panels on capacity: queue, workers, connections, batches, the machine and its GPUs."""

from collections.abc import Sequence

from groupnl.metrics import (
    ABANDONED,
    BATCH_SIZE,
    CONNECTIONS,
    EXPIRED_REQUESTS,
    IN_HAND,
    QUEUE_BYTES,
    QUEUE_LENGTH,
    QUEUE_MOST,
    QUEUE_MOST_BYTES,
    STAGE_SECONDS,
    WORKER_DEATHS,
    WORKER_STARTS,
    WORKERS_READY,
    WORKERS_WANTED,
)
from groupnl.monitoring.alerts import FULL
from groupnl.monitoring.dashboards.panels import (
    COUNT,
    LINES_HEIGHT,
    NUMBER,
    RATE,
    SECONDS,
    SHARE,
    AnyPanel,
    Query,
    Text,
    limit_line,
    lines,
)
from groupnl.monitoring.dashboards.queries import CHOSEN, INSTANCES, RATE_WINDOW, WINDOW, per_second, right_now
from groupnl.monitoring.promql import OF_WHOLE_BATCHES, mean
from groupnl.monitoring.requests import machine_cpu, machine_memory, mean_wait


def capacity_row() -> Sequence[AnyPanel]:
    """How full everything is."""
    return [
        _queue(),
        _queue_taken(),
        _queue_wait(),
        _workers(),
        _busy(),
        _batch_size(),
        _connections(),
        _unwanted(),
        _host(),
    ]


def _queue() -> AnyPanel:
    text = Text(
        "Queue",
        "Images that wait for a worker, and how many may: what comes then is 503. Our own server only.",
        8,
        LINES_HEIGHT,
        "not told by TorchServe",
    )
    queries = [
        Query("{{model}} waiting", right_now(QUEUE_LENGTH)),
        Query("{{model}} at most", right_now(QUEUE_MOST)),
    ]
    return lines(text, queries, COUNT)


def _queue_taken() -> AnyPanel:
    text = Text(
        "Share of the queue that is taken",
        "By the number of images and by their bytes, whichever is nearer to its limit. Above the red line for five "
        "minutes a ticket is written. Our own server only.",
        8,
        LINES_HEIGHT,
        "not told by TorchServe",
    )
    images = f"{right_now(QUEUE_LENGTH)} / ({right_now(QUEUE_MOST)} > 0)"
    size = f"{right_now(QUEUE_BYTES)} / ({right_now(QUEUE_MOST_BYTES)} > 0)"
    queries = [Query("{{model}} images", images), Query("{{model}} bytes", size)]
    return limit_line(lines(text, queries, SHARE, most=1), FULL)


def _queue_wait() -> AnyPanel:
    text = Text(
        "Mean wait for a batch",
        "In the server's queue, with the batch delay. It grows before requests are refused.",
        8,
        LINES_HEIGHT,
    )
    return lines(text, [Query("{{model}}", mean_wait("$model", "$instance", RATE_WINDOW))], SECONDS)


def _workers() -> AnyPanel:
    text = Text(
        "Workers",
        "Wanted and ready, over all versions and replicas; those that became ready since the service's start, and "
        "those that died within the dashboard's window (our own server).",
        8,
        LINES_HEIGHT,
    )
    deaths = f"sum by (model, reason) (increase({WORKER_DEATHS.name}{{{CHOSEN}}}[{WINDOW}]))"
    queries = [
        Query("{{model}} wanted", right_now(WORKERS_WANTED)),
        Query("{{model}} ready", right_now(WORKERS_READY)),
        Query("{{model}} died: {{reason}}", deaths),
        Query("{{model}} became ready", right_now(WORKER_STARTS)),
    ]
    return lines(text, queries, COUNT)


def _busy() -> AnyPanel:
    text = Text(
        "Workers at work",
        "How many workers compute on average. At their number the model is saturated.",
        8,
        LINES_HEIGHT,
    )
    busy = f"sum by (model) (rate({STAGE_SECONDS.name}_sum{{{CHOSEN}, {OF_WHOLE_BATCHES}}}[{RATE_WINDOW}]))"
    return lines(text, [Query("{{model}}", busy)], NUMBER)


def _batch_size() -> AnyPanel:
    text = Text("Images in a batch", "Near 1: little traffic. At the batch size: the model is busy.", 8, LINES_HEIGHT)
    return lines(text, [Query("{{model}} mean", mean(BATCH_SIZE, "model", RATE_WINDOW, CHOSEN))], NUMBER)


def _connections() -> AnyPanel:
    text = Text(
        "Connections and requests",
        "Open connections of clients, and the requests that are in hand, of all models. Our own server only.",
        8,
        LINES_HEIGHT,
        "not told by TorchServe",
    )
    queries = [
        Query(name, f"sum({family.name}{{{INSTANCES}}})")
        for name, family in (("connections", CONNECTIONS), ("requests in hand", IN_HAND))
    ]
    return lines(text, queries, COUNT)


def _unwanted() -> AnyPanel:
    text = Text(
        "Nobody waited for the answer",
        "Clients that went before their answer, and requests that found none in their time (504). Our own server only.",
        8,
        LINES_HEIGHT,
        "not told by TorchServe",
    )
    queries = [
        Query("{{model}} client gone", per_second(ABANDONED)),
        Query("{{model}} too late", per_second(EXPIRED_REQUESTS)),
    ]
    return lines(text, queries, RATE)


def _host() -> AnyPanel:
    text = Text(
        "The machine",
        "CPU and memory in use, of the busiest replica, as the server sees them; TorchServe looks once a minute.",
        8,
        LINES_HEIGHT,
    )
    return lines(text, [Query("CPU", machine_cpu()), Query("memory", machine_memory())], SHARE, most=1)
