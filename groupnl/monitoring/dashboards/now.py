"""The first row: who is up, what fires, whether clients are answered; and the alerts with their runbooks."""

from collections.abc import Sequence

from groupnl.metrics import REQUEST_SECONDS, REQUESTS, START_TIME, WORKERS_READY, WORKERS_WANTED
from groupnl.monitoring.alerts import alerts
from groupnl.monitoring.dashboards.panels import (
    AGO,
    COUNT,
    FIGURES_HEIGHT,
    GREEN,
    NUMBER,
    RED,
    SECONDS,
    SHARE,
    YELLOW,
    AnyPanel,
    Query,
    Text,
    figures,
    states,
)
from groupnl.monitoring.dashboards.plain import alert_list, prose
from groupnl.monitoring.dashboards.queries import CHOSEN, INSTANCES, WINDOW, right_now
from groupnl.monitoring.promql import quantile
from groupnl.monitoring.recording import AVAILABLE_SHARE
from groupnl.monitoring.requests import FAILED, answered, rate
from groupnl.monitoring.rules import Alert, runbook_url
from groupnl.monitoring.scrape import FRONTEND_JOB, JOB

PREFIX = "GroupNL"
UP_OR_DOWN = {"1": ("up", GREEN), "0": ("down", RED)}
FIRING_WORDS = {"1": ("fires", RED)}
# Of the chosen models, and those that have no model.
FIRING = f'ALERTS{{alertstate="firing", alertname=~"{PREFIX}.*", model=~"$model|"}}'


def now_row() -> Sequence[AnyPanel]:
    """Who is up, what fires, whether clients are answered."""
    return [_who_is_up(7), _what_fires(10), _service(7)]


def _who_is_up(width: int) -> AnyPanel:
    text = Text(
        "Up and ready",
        "Whether Prometheus reaches each replica, when the service was started there, and the share of the wanted "
        "workers that can answer: below 100 % while a model is loaded or reloaded.",
        width,
        FIGURES_HEIGHT,
        "no replica known",
    )
    ready = f"{right_now(WORKERS_READY)} / ({right_now(WORKERS_WANTED)} > 0)"
    return figures(
        text,
        [
            Query(
                "{{job}} at {{instance}}",
                f'up{{job=~"{JOB}|{FRONTEND_JOB}", {INSTANCES}}}',
                unit=NUMBER,
                words=UP_OR_DOWN,
            ),
            Query("{{instance}} started", f"{START_TIME.name}{{{INSTANCES}}} * 1000", unit=AGO),
            Query(
                "workers of {{model}}",
                ready,
                unit=SHARE,
                steps=((None, RED), (0.01, YELLOW), (1, GREEN)),
                decimals=0,
            ),
        ],
    )


def _what_fires(width: int) -> AnyPanel:
    text = Text(
        "Alerts",
        "What fires or is about to, as Prometheus has it, for all models. Open one for what it means, and for the link "
        "to its runbook. Empty: nothing fires.",
        width,
        FIGURES_HEIGHT,
    )
    return alert_list(text, PREFIX)


def _service(width: int) -> AnyPanel:
    text = Text(
        "Service, last $window",
        "Requests that did not fail for a fault of ours or a full queue (all models and replicas; the objective is "
        f"{AVAILABLE_SHARE:.1%}), the time from a request's first byte to its whole answer (our own server), and "
        "alerts that fire.",
        width,
        FIGURES_HEIGHT,
        "no requests yet",
    )
    share = f"1 - {rate(FAILED, WINDOW)} / ({answered(WINDOW)} > 0)"
    slowest = quantile(0.99, REQUEST_SECONDS, "model", WINDOW, CHOSEN)
    answers = f"sum(increase({REQUESTS.name}{{{CHOSEN}}}[{WINDOW}]))"
    return figures(
        text,
        [
            Query("answered", share, steps=((None, RED), (0.99, YELLOW), (AVAILABLE_SHARE, GREEN)), decimals=2),
            Query("{{model}}: 99 % within", f"{slowest} >= 0", unit=SECONDS),  # what nobody asked has none
            Query("answers of the workers", answers, unit=COUNT, decimals=0),
            Query("pages", _firing("page"), unit=COUNT, steps=((None, GREEN), (1, RED))),
            Query("tickets", _firing("ticket"), unit=COUNT, steps=((None, GREEN), (1, YELLOW))),
        ],
    )


def _firing(severity: str) -> str:
    return f'count(ALERTS{{alertstate="firing", severity="{severity}"}}) or vector(0)'


def runbook_row(runbook: str) -> Sequence[AnyPanel]:
    """When what fired, and where each alert is explained.

    Args:
        runbook: address of the page that has a heading for each alert.
    """
    text = Text(
        "When alerts fired",
        "A line for each alert of the chosen models, and of those that have no model; red while it fires.",
        14,
        14,
        "nothing fired",
    )
    fired = f"max by (alertname, severity, model) ({FIRING})"
    return [states(text, [Query("{{alertname}} {{model}}", fired)], FIRING_WORDS), _runbooks(runbook, 10, 14)]


def _runbooks(runbook: str, width: int, height: int) -> AnyPanel:
    text = Text(
        "What to do",
        "Each alert's section in the runbook: what it means, where to look first, what mends it. Without --runbooks "
        "URL it is a path in the repository.",
        width,
        height,
    )
    lines = [f"- {_section(runbook, alert)} ({alert.severity})" for group in alerts().values() for alert in group]
    return prose(text, "\n".join(lines) + "\n")


def _section(runbook: str, alert: Alert) -> str:
    """A link where there is an address: a path would lead to a page of Grafana that there is not."""
    section = runbook_url(alert.name, runbook)
    return f"[{alert.name}]({section})" if "://" in section else f"{alert.name}: `{section}`"
