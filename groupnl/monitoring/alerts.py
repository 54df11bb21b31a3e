"""The alerts: pages for what clients feel, tickets for the rest. Robustness is always a ticket.

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
    SHADOW_PAIRS,
    SHADOW_SAMPLED,
    START_TIME,
    WORKER_DEATHS,
    WORKER_LOADS,
    WORKERS_READY,
    WORKERS_WANTED,
)
from groupnl.monitoring.promql import LAST_KNOWN, counted, wilson
from groupnl.monitoring.recorded.level import EXCESS, EXCESS_FLIPS, LEAST_POOLED_PAIRS, Z_OF_SPANS, archives_differ
from groupnl.monitoring.recording import (
    AGREEMENT_MARGIN,
    AVAILABLE_SHARE,
    CORRUPTION,
    FAST_SECONDS,
    FAST_SHARE,
    MODEL,
    RECENT,
    REFUSED_WINDOWS,
    SHADOW_WINDOWS,
    TWIN,
    WEEK,
    Baseline,
    named,
)
from groupnl.monitoring.rules import Alert
from groupnl.monitoring.scrape import FRONTEND_JOB, JOB

# Below so many failures in the long window nobody is called, whatever their share.
LEAST_FAILURES = 10
REFUSED_MARGIN = 0.1  # more refused requests than usual, as a share of all
DROP_LIMIT = 0.2
LEAST_SAMPLED = 20
LEAST_PAIRS = 200  # of one corruption
Z_OF_ALERTS = 3.0  # nineteen corruptions are looked at again and again
RESTARTS = 2
FULL = 0.9  # of a queue
KEPT = "6h"  # a ticket about robustness that has come does not come and go


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
    lower = wilson(share, asked, -1, Z_OF_ALERTS)
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


def robustness_alerts(baseline: Baseline) -> list[Alert]:
    """The shadow path and what it says; nobody is woken for it.

    Args:
        baseline: what live agreement is compared with.
    """
    usual = "what was measured before packing" if baseline == "offline" else "the service's own level of a week before"
    return [_stalled(), _dropped(), _below_usual(usual), _below_expected(usual), *_twin()]


def _stalled() -> Alert:
    conditions = [
        f"{counted(SHADOW_SAMPLED, MODEL, window)} >= {LEAST_SAMPLED}\n"
        f"unless {counted(SHADOW_PAIRS, MODEL, window)} > 0"
        for window in SHADOW_WINDOWS
    ]
    return Alert(
        "GroupNLShadowStalled",
        "\nor\n".join(f"({condition})" for condition in conditions),
        "15m",
        "ticket",
        "{{ $labels.model }}: {{ $value | humanize }} images were sampled, and none was answered again",
        f"In {' or in '.join(SHADOW_WINDOWS)}. Robustness is not measured at the moment. Clients are not affected.",
    )


def _dropped() -> Alert:
    conditions = [
        f"{named(MODEL, 'dropped_shadows', window)} > {DROP_LIMIT:g}\n"
        f"and {counted(SHADOW_SAMPLED, MODEL, window)} >= {LEAST_SAMPLED}"
        for window in SHADOW_WINDOWS
    ]
    return Alert(
        "GroupNLShadowDropsHigh",
        "\nor\n".join(f"({condition})" for condition in conditions),
        "15m",
        "ticket",
        "{{ $labels.model }}: {{ $value | humanizePercentage }} of the sampled images were dropped",
        f"In {' or in '.join(SHADOW_WINDOWS)}. The shadows give way to live traffic, or fail. The figures stay right "
        "while drops are by chance, but fill more slowly.",
    )


def _below_usual(usual: str) -> Alert:
    agreement, pairs = (named(CORRUPTION, figure, RECENT) for figure in ("agreement", "pairs"))
    upper = wilson(agreement, pairs, 1, Z_OF_ALERTS).replace("\n", "\n  ")
    level = named(CORRUPTION, "usual_agreement")
    return Alert(
        "GroupNLAgreementBelowOffline",
        f"  {agreement}\nand (\n  {upper}\n  < {level} - {AGREEMENT_MARGIN:g}\n)\nand {pairs} > {LEAST_PAIRS}\n"
        f"unless on (model) {archives_differ(RECENT)}",
        "30m",
        "ticket",
        "{{ $labels.model }}, {{ $labels.corruption }}: only {{ $value | humanizePercentage }} of the answers stay",
        f"Even the upper end of the interval (z = {Z_OF_ALERTS:g}) of the last {RECENT} is more than "
        f"{AGREEMENT_MARGIN * 100:g} points below {usual}. Agreement is not accuracy.",
        KEPT,
    )


def _below_expected(usual: str) -> Alert:
    """Each window tells what the shorter ones cannot; the sequential test tells of large changes sooner."""
    windows = [_below(span, z) for span, z in Z_OF_SPANS.items()]
    excess = f"{named(MODEL, 'agreement', WEEK)}\nand {EXCESS_FLIPS} > {EXCESS:g}\nunless {archives_differ(RECENT)}"
    return Alert(
        "GroupNLAgreementBelowExpected",
        "\nor\n".join([*windows, excess]),
        "30m",
        "ticket",
        "{{ $labels.model }}: only {{ $value | humanizePercentage }} of the answers stay, over all corruptions",
        f"In {', '.join(Z_OF_SPANS)}, or by the sequential test: surely more than {AGREEMENT_MARGIN * 100:g} points "
        f"below {usual}. Agreement is not accuracy.",
        KEPT,
    )


def _below(span: str, z: float) -> str:
    agreement, pairs, expected = (named(MODEL, figure, span) for figure in ("agreement", "pairs", "expected_agreement"))
    upper = wilson(agreement, pairs, 1, z)
    return (
        f"{agreement}\nand (\n{upper}\n< {expected} - {AGREEMENT_MARGIN:g}\n)\nand {pairs} >= {LEAST_POOLED_PAIRS}\n"
        f"unless {archives_differ(span)}"
    )


def _twin() -> list[Alert]:
    """That the reference is steadier says nothing of who is right: that it is the better one takes the probe's word."""
    steadier, agrees = f"{named(TWIN, 'verdict')} == -1", f"{named(TWIN, 'mce')} >= 1"
    test = "By the always-valid paired test on the same corrupted pixels, 5 % error over all looks between two starts"
    return [
        Alert(
            "GroupNLTwinBetter",
            f"{steadier}\nand {agrees}",
            "15m",
            "ticket",
            "{{ $labels.reference }} holds better than {{ $labels.model }}, and errs no more on the probe set",
            f"{test}; and by the probe set's corruption error.",
            KEPT,
        ),
        Alert(
            "GroupNLTwinSteadier",
            f"{steadier}\nunless {agrees}",
            "15m",
            "ticket",
            "{{ $labels.reference }} changes its answers less often than {{ $labels.model }} on corrupted live images",
            f"{test}. Which of the two is right more often it does not say: no probe set says that the reference is.",
            KEPT,
        ),
    ]


def alerts(baseline: Baseline = "offline") -> dict[str, Sequence[Alert]]:
    """Every group of alerts, by its name.

    Args:
        baseline: what live agreement is compared with.
    """
    return {
        "groupnl_objectives": [*availability_alerts(), *latency_alerts(), *refusal_alerts()],
        "groupnl_health": health_alerts(),
        "groupnl_robustness": robustness_alerts(baseline),
    }
