"""The panels on our own server; with TorchServe they stay empty."""

from collections.abc import Sequence

from groupnl.metrics import (
    ABANDONED,
    ANSWERS,
    CONNECTIONS,
    EXPIRED_REQUESTS,
    IN_HAND,
    QUEUE_LENGTH,
    QUEUE_MOST,
    REQUEST_SECONDS,
    WORKER_DEATHS,
    WORKERS_READY,
    WORKERS_WANTED,
    Family,
)
from groupnl.monitoring.dashboards.panels import COUNT, RATE, SECONDS, AnyPanel, Query, Text, lines
from groupnl.monitoring.dashboards.queries import MODEL, RATE_WINDOW, WINDOW
from groupnl.monitoring.promql import quantile


def own_server_row() -> Sequence[AnyPanel]:
    """Whole requests, protocols, queue, workers, connections, what nobody waited for."""
    return [_whole_requests(), _protocols(), _queue(), _workers(), _connections(), _unwanted()]


def _whole_requests() -> AnyPanel:
    text = Text(
        "Whole requests of $model",
        "From a request's first byte to its whole answer, as the client sees it: sending, queue, computing.",
        8,
        8,
    )
    queries = [
        Query(f"p{share * 100:g}", quantile(share, REQUEST_SECONDS, "model", RATE_WINDOW, MODEL))
        for share in (0.5, 0.95, 0.99)
    ]
    return lines(text, queries, SECONDS)


def _protocols() -> AnyPanel:
    text = Text(
        "Answers of $model, by protocol and status",
        "Also those that no worker has seen: refused, queue full, too late.",
        8,
        8,
    )
    rate = f"sum by (protocol, code) (rate({ANSWERS.name}{{{MODEL}}}[{RATE_WINDOW}])) > 0"
    return lines(text, [Query("{{protocol}} {{code}}", rate)], RATE, stacked=True)


def _queue() -> AnyPanel:
    text = Text("Queue of $model", "Images that wait for a worker, and how many may: what comes then is 503.", 8, 8)
    return lines(text, [Query("waiting", _now(QUEUE_LENGTH)), Query("most", _now(QUEUE_MOST))], COUNT)


def _workers() -> AnyPanel:
    text = Text(
        "Workers of $model",
        "Wanted and ready, over all versions and replicas; and those that died within the dashboard's window.",
        8,
        8,
    )
    deaths = f"sum by (reason) (increase({WORKER_DEATHS.name}{{{MODEL}}}[{WINDOW}]))"
    queries = [
        Query("wanted", _now(WORKERS_WANTED)),
        Query("ready", _now(WORKERS_READY)),
        Query("died: {{reason}}", deaths),
    ]
    return lines(text, queries, COUNT)


def _connections() -> AnyPanel:
    text = Text("Connections and requests", "Open connections of clients, and the requests that are in hand.", 8, 8)
    queries = [Query("connections", f"sum({CONNECTIONS.name})"), Query("in hand", f"sum({IN_HAND.name})")]
    return lines(text, queries, COUNT)


def _unwanted() -> AnyPanel:
    text = Text(
        "Nobody waited for the answer of $model",
        "Clients that went before their answer, and requests that found none in their time (504).",
        8,
        8,
    )
    queries = [Query("client gone", _rate(ABANDONED)), Query("too late", _rate(EXPIRED_REQUESTS))]
    return lines(text, queries, RATE)


def _now(family: Family) -> str:
    return f"sum({family.name}{{{MODEL}}})"


def _rate(family: Family) -> str:
    return f"sum(rate({family.name}{{{MODEL}}}[{RATE_WINDOW}]))"
