"""The alerts: pages for what clients feel, tickets for the rest. Robustness and traffic are always tickets.

Burn rates over two windows: Google's Site Reliability Workbook (2018), chapter 5. The long window says that it
matters, the short one that it still goes on.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from groupnl.metrics import (
    BUILD_INFO,
    QUEUE_BYTES,
    QUEUE_LENGTH,
    QUEUE_MOST,
    QUEUE_MOST_BYTES,
    START_TIME,
    WORKER_DEATHS,
    WORKER_LOADS,
    WORKERS_READY,
    WORKERS_WANTED,
)
from groupnl.monitoring.promql import LAST_KNOWN, wilson
from groupnl.monitoring.recording import (
    AVAILABLE_SHARE,
    FAST_SECONDS,
    FAST_SHARE,
    MODEL,
    REFUSED_WINDOWS,
    WEEK,
    Baseline,
    named,
)
from groupnl.monitoring.robustness_alerts import robustness_alerts
from groupnl.monitoring.rules import Alert
from groupnl.monitoring.scrape import FRONTEND_JOB, JOB
from groupnl.monitoring.traffic_alerts import traffic_alerts

# Below so many failures in the long window nobody is called, whatever their share.
LEAST_FAILURES = 10
REFUSED_MARGIN = 0.1  # more refused requests than usual, as a share of all
Z_OF_REFUSALS = 3.0
RESTARTS = 2
FULL = 0.9  # of a queue


class Burn(NamedTuple):
    """One pair of windows: an alert when the budget burns this many times too fast in both."""

    name: str
    long: str
    short: str
    factor: float
    hold: str
    severity: Literal["page", "ticket"]


BURNS = (
    Burn("Fast", "1h", "5m", 14.4, "2m", "page"),
    Burn("Steady", "6h", "30m", 6.0, "15m", "page"),
    Burn("Slow", "3d", "6h", 1.0, "1h", "ticket"),
)


def availability_alerts() -> list[Alert]:
    """Too many requests fail."""
    return [_availability(burn) for burn in BURNS]


def _availability(burn: Burn) -> Alert:
    limit = f"{burn.factor * (1 - AVAILABLE_SHARE):.6g}"
    share = "service:groupnl_failed_requests"
    return Alert(
        f"GroupNLErrorBudget{burn.name}Burn",
        f"{share}:{burn.long} > {limit}\nand {share}:{burn.short} > {limit}\n"
        f"and service:groupnl_failures:{burn.long} >= {LEAST_FAILURES}",
        burn.hold,
        burn.severity,
        f"{{{{ $value | humanizePercentage }}}} of the requests of the last {burn.long} failed",
        f"The objective is {AVAILABLE_SHARE:.1%} without an error of ours. "
        "Full queues (503) count: they never reach a worker.",
    )


def latency_alerts() -> list[Alert]:
    """Too many requests take long."""
    return [_latency(burn) for burn in BURNS]


def _latency(burn: Burn) -> Alert:
    limit = f"{burn.factor * (1 - FAST_SHARE):.6g}"
    long, short = (named(MODEL, "slow_requests", window) for window in (burn.long, burn.short))
    return Alert(
        f"GroupNLLatencyBudget{burn.name}Burn",
        f"{long} > {limit}\nand {short} > {limit}\n"
        f"and {long} * {named(MODEL, 'timed_requests', burn.long)} >= {LEAST_FAILURES}",
        burn.hold,
        burn.severity,
        f"{{{{ $labels.model }}}}: {{{{ $value | humanizePercentage }}}} of the requests in {burn.long} were slow",
        f"The objective is {FAST_SHARE:.0%} within {FAST_SECONDS:g} s, from the request's first byte to its whole "
        "answer. Whose client went before the answer was slow, too.",
    )


def refusal_alerts() -> list[Alert]:
    """Clients send what cannot be answered, as they do not usually."""
    return [
        Alert(
            "GroupNLRefusalsJumped",
            "\nor\n".join(_refused(window) for window in REFUSED_WINDOWS),
            "10m",
            "ticket",
            "{{ $labels.model }}: {{ $value | humanizePercentage }} of the requests are refused",
            f"Surely more than {REFUSED_MARGIN * 100:g} points above the usual share of the week before. "
            "A client has changed what it sends, or somebody tries.",
        )
    ]


def _refused(window: str) -> str:
    share, asked = (named(MODEL, figure, window) for figure in ("refused_requests", "asked"))
    usual = f"({named(MODEL, 'refused_requests', WEEK)} offset {window}\nor\n  {share} * 0)"
    lower = wilson(share, asked, -1, Z_OF_REFUSALS)
    return f"{share}\nand (\n{lower}\n> {usual} + {REFUSED_MARGIN:g}\n)"


def health_alerts() -> list[Alert]:
    """Whether there is anything to measure, and whether workers live."""
    return [
        Alert(
            "GroupNLTargetDown",
            f'up{{job=~"{JOB}|{FRONTEND_JOB}"}} == 0',
            "2m",
            "page",
            "Prometheus cannot reach {{ $labels.job }} at {{ $labels.instance }}",
            "The service is down, or its metrics port is. Ask for a prediction first.",
        ),
        _absent(),
        _restarts(),
        *server_alerts(),
    ]


def _absent() -> Alert:
    """What a worker has counted outlives it; what it serves is told by the living alone."""
    loaded, served = (f"group by (instance, model) ({family.name})" for family in (WORKER_LOADS, BUILD_INFO))
    return Alert(
        "GroupNLMetricAbsent",
        f'absent(up{{job="{JOB}"}})\n'
        f'or (up{{job="{JOB}"}} == 1 unless on (instance) group by (instance) ({WORKER_LOADS.name}))\n'
        f"or ({loaded} unless {served})",
        "10m",
        "page",
        "{{ with $labels.model }}{{ . }} has no worker{{ else }}no model has a worker{{ end }} that reports"
        "{{ with $labels.instance }} at {{ . }}{{ end }}",
        "Prometheus has no such target, or the endpoint answers but no worker of the model has become ready or lives.",
    )


def _restarts() -> Alert:
    """Our own server counts deaths; with TorchServe workers that begin to load tell of them, but not at its own start.

    Nor do counts tell of a start that are kept from one to the next. A scrape that fails takes nobody for another
    server, nor for one that has just been started.
    """
    deaths, loads = (
        f"sum by (instance, model) (increase({family.name}[30m])) > {RESTARTS - 0.5:g}"
        for family in (WORKER_DEATHS, WORKER_LOADS)
    )
    ours, started = (f"last_over_time({family.name}[{LAST_KNOWN}])" for family in (WORKER_DEATHS, START_TIME))
    return Alert(
        "GroupNLWorkerRestarts",
        f"{deaths}\n"
        f"or (\n  {loads}\n"
        f"  unless on (instance) group by (instance) ({ours})\n"
        f"  and on (instance) (time() - {started} > 45 * 60)\n)",
        "0m",
        "ticket",
        "{{ $labels.model }}: {{ $value | humanize }} workers died or began anew in half an hour",
        "Workers die and come back, or die while they load, though the service itself was not restarted.",
    )


def server_alerts() -> list[Alert]:
    """What our own server tells beside that: whether anybody can answer, and whether too many wait."""
    by = "instance, model"
    ready, wanted, length, most, size, most_bytes = (
        f"sum by ({by}) ({family.name})"
        for family in (WORKERS_READY, WORKERS_WANTED, QUEUE_LENGTH, QUEUE_MOST, QUEUE_BYTES, QUEUE_MOST_BYTES)
    )
    return [
        Alert(
            "GroupNLNoWorker",
            f"{ready} == 0\nand {wanted} > 0",
            "2m",
            "page",
            "{{ $labels.model }} has no worker that answers at {{ $labels.instance }}",
            "Our own server answers requests with 503, TorchServe lets them wait. Its workers load, or die on the way.",
        ),
        Alert(
            "GroupNLWorkersMissing",
            f"{wanted} - {ready} > 0\nand {ready} > 0",
            "15m",
            "ticket",
            "{{ $labels.model }} lacks {{ $value | humanize }} of its workers at {{ $labels.instance }}",
            "The others answer in their place, and are sooner full. Workers load, or die while they load.",
        ),
        Alert(
            "GroupNLQueueFull",
            f"{length} / ({most} > 0) > {FULL:g}\nor {size} / ({most_bytes} > 0) > {FULL:g}",
            "5m",
            "ticket",
            "{{ $labels.model }}: {{ $value | humanizePercentage }} of its queue is taken at {{ $labels.instance }}",
            "More is asked than the workers compute. What finds the queue full is answered 503.",
        ),
    ]


def alerts(baseline: Baseline = "offline") -> dict[str, Sequence[Alert]]:
    """Every group of alerts, by its name.

    Args:
        baseline: what live agreement, and the accuracy that is expected of the traffic, are compared with.
    """
    return {
        "groupnl_objectives": [*availability_alerts(), *latency_alerts(), *refusal_alerts()],
        "groupnl_health": health_alerts(),
        "groupnl_drift": traffic_alerts(baseline),
        "groupnl_robustness": robustness_alerts(baseline),
    }
