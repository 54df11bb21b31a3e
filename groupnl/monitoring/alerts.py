"""The alerts: pages for what clients feel, tickets for the rest. Robustness is always a ticket.

Burn rates over two windows: Google's Site Reliability Workbook (2018), chapter 5. The long window says that it
matters, the short one that it still goes on.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from groupnl.metrics import (
    BUILD_INFO,
    OFFLINE_AGREEMENT,
    QUEUE_BYTES,
    QUEUE_LENGTH,
    QUEUE_MOST,
    QUEUE_MOST_BYTES,
    SHADOW_PAIRS,
    SHADOW_SAMPLED,
    STAGE_SECONDS,
    WORKER_DEATHS,
    WORKER_STARTS,
    WORKERS_READY,
    WORKERS_WANTED,
)
from groupnl.monitoring.promql import OF_WHOLE_BATCHES, counted, wilson
from groupnl.monitoring.recording import (
    AVAILABLE_SHARE,
    CORRUPTION,
    DROP_WINDOW,
    FAST_SECONDS,
    FAST_SHARE,
    MODEL,
    RECENT,
    TWIN,
    named,
)
from groupnl.monitoring.requests import failures
from groupnl.monitoring.rules import Alert
from groupnl.monitoring.scrape import FRONTEND_JOB, JOB

# Below so many failures in the long window nobody is called, whatever their share.
LEAST_FAILURES = 10
DROP_LIMIT = 0.2
LEAST_SAMPLED = 20
LEAST_PAIRS = 200
# Live traffic is not the held-back set, whose figure has an error of its own: smaller differences are no news.
AGREEMENT_MARGIN = 0.05
Z_OF_ALERTS = 3.0  # nineteen corruptions are looked at again and again
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
        f"and {failures(burn.long)} >= {LEAST_FAILURES}",
        burn.hold,
        burn.severity,
        f"{{{{ $value | humanizePercentage }}}} of the requests of the last {burn.long} failed",
        f"The objective is {AVAILABLE_SHARE:.1%} without an error of ours. "
        "Full queues (503) count: they never reach a worker.",
    )


def latency_alerts() -> list[Alert]:
    """Too many batches take long."""
    return [_latency(burn) for burn in BURNS]


def _latency(burn: Burn) -> Alert:
    limit = f"{burn.factor * (1 - FAST_SHARE):.6g}"
    long, short = (named(MODEL, "slow_batches", window) for window in (burn.long, burn.short))
    batches = f"sum by (model) (increase({STAGE_SECONDS.name}_count{{{OF_WHOLE_BATCHES}}}[{burn.long}]))"
    return Alert(
        f"GroupNLLatencyBudget{burn.name}Burn",
        f"{long} > {limit}\nand {short} > {limit}\nand {long} * {batches} >= {LEAST_FAILURES}",
        burn.hold,
        burn.severity,
        f"{{{{ $labels.model }}}}: {{{{ $value | humanizePercentage }}}} of the batches in {burn.long} were slow",
        f"The objective is {FAST_SHARE:.0%} of the batches within {FAST_SECONDS:g} s in the worker. "
        "Waiting in the queue is not in it: see the panel on queues.",
    )


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
        Alert(
            "GroupNLMetricAbsent",
            f'absent(up{{job="{JOB}"}})\n'
            f'or (up{{job="{JOB}"}} == 1 unless on (instance) group by (instance) ({BUILD_INFO.name}))',
            "10m",
            "page",
            "no model reports its metrics{{ with $labels.instance }} at {{ . }}{{ end }}",
            "Prometheus has no such target, or the endpoint answers but no worker has become ready.",
        ),
        _restarts(),
        *server_alerts(),
    ]


def _restarts() -> Alert:
    """Our own server counts deaths; with TorchServe starts tell of them, but for those of the service's own start."""
    deaths, starts = (
        f"sum by (instance, model) (increase({family.name}[30m])) > {RESTARTS - 0.5:g}"
        for family in (WORKER_DEATHS, WORKER_STARTS)
    )
    return Alert(
        "GroupNLWorkerRestarts",
        f"{deaths}\n"
        f"or (\n  {starts}\n"
        f"  unless on (instance) group by (instance) ({WORKERS_WANTED.name})\n"
        f'  and on (instance) (min_over_time(up{{job="{JOB}"}}[45m]) == 1 and up{{job="{JOB}"}} offset 45m == 1)\n)',
        "0m",
        "ticket",
        "{{ $labels.model }}: {{ $value | humanize }} workers died or started in half an hour",
        "Workers die and come back, though the service itself was not restarted.",
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
            "Every request to the model is answered 503. Its workers load, or die while they load.",
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


def robustness_alerts() -> list[Alert]:
    """The shadow path and what it says; nobody is woken for it."""
    return [_stalled(), _dropped(), _below_offline(), _twin_better()]


def _stalled() -> Alert:
    sampled, pairs = (counted(family, MODEL, "15m") for family in (SHADOW_SAMPLED, SHADOW_PAIRS))
    return Alert(
        "GroupNLShadowStalled",
        f"{sampled} >= {LEAST_SAMPLED}\nunless {pairs} > 0",
        "15m",
        "ticket",
        "{{ $labels.model }}: {{ $value | humanize }} images were sampled in 15 minutes, and none was answered again",
        "Robustness is not measured at the moment. Clients are not affected.",
    )


def _dropped() -> Alert:
    share, sampled = named(MODEL, "dropped_shadows", DROP_WINDOW), counted(SHADOW_SAMPLED, MODEL, DROP_WINDOW)
    return Alert(
        "GroupNLShadowDropsHigh",
        f"{share} > {DROP_LIMIT:g}\nand {sampled} >= {LEAST_SAMPLED}",
        "15m",
        "ticket",
        "{{ $labels.model }}: {{ $value | humanizePercentage }} of the sampled images were dropped",
        "The shadows give way to live traffic. The figures stay right while drops are by chance, but fill more slowly.",
    )


def _below_offline() -> Alert:
    agreement, pairs = (named(CORRUPTION, figure, RECENT) for figure in ("agreement", "pairs"))
    offline = f"max by ({CORRUPTION}) ({OFFLINE_AGREEMENT.name})"
    upper = wilson(agreement, pairs, 1, Z_OF_ALERTS).replace("\n", "\n  ")
    return Alert(
        "GroupNLAgreementBelowOffline",
        f"  {agreement}\nand (\n  {upper}\n  < {offline} - {AGREEMENT_MARGIN:g}\n)\nand {pairs} > {LEAST_PAIRS}",
        "30m",
        "ticket",
        "{{ $labels.model }}, {{ $labels.corruption }}: only {{ $value | humanizePercentage }} of the answers stay",
        f"Even the upper end of the interval (z = {Z_OF_ALERTS:g}) of the last {RECENT} is more than "
        f"{AGREEMENT_MARGIN * 100:g} points below what was measured before packing. Agreement is not accuracy.",
    )


def _twin_better() -> Alert:
    return Alert(
        "GroupNLTwinBetter",
        f"{named(TWIN, 'verdict')} == -1",
        "15m",
        "ticket",
        "{{ $labels.reference }} holds significantly better than {{ $labels.model }} on live images",
        "By the always-valid paired test on the same corrupted pixels, 5 % error over all looks together.",
    )


def alerts() -> dict[str, Sequence[Alert]]:
    """Every group of alerts, by its name."""
    return {
        "groupnl_objectives": [*availability_alerts(), *latency_alerts()],
        "groupnl_health": health_alerts(),
        "groupnl_robustness": robustness_alerts(),
    }
