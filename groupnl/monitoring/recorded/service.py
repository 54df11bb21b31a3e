"""How clients fare: shares of failed, slow and refused requests, by window."""

from groupnl.monitoring.promql import ratio
from groupnl.monitoring.recording import BURN_WINDOWS, LONG_BURN_WINDOWS, MODEL, RECENT, REFUSED_WINDOWS, WEEK, named
from groupnl.monitoring.requests import answers, failures, fast_requests, model_answers, refusals, timed_requests
from groupnl.monitoring.requests import slow_share_of_torchserve as of_torchserve
from groupnl.monitoring.rules import Recording


def service_rules() -> list[Recording]:
    """Shares of failed requests, of slow ones and of refused ones."""
    burns = [rule for window in BURN_WINDOWS for rule in _failed(window) + _slow(window)]
    return [*burns, *[rule for window in REFUSED_WINDOWS for rule in _refused(window)]]


def long_service_rules() -> list[Recording]:
    """Of days; and the usual share of refused requests: that of some hours, on average of a week."""
    of_hours = named(MODEL, "refused_requests", RECENT)
    usual = Recording(named(MODEL, "refused_requests", WEEK), f"avg_over_time({of_hours}[{WEEK}])")
    return [*[rule for window in LONG_BURN_WINDOWS for rule in _failed(window) + _slow(window)], usual]


def _failed(window: str) -> list[Recording]:
    failed = f"service:groupnl_failures:{window}"
    return [
        Recording(failed, failures(window)),
        Recording(f"service:groupnl_failed_requests:{window}", f"{failed}\n/\n({answers(window)} > 0)"),
    ]


def _slow(window: str) -> list[Recording]:
    timed = named(MODEL, "timed_requests", window)
    return [
        Recording(timed, timed_requests(window)),
        Recording(
            named(MODEL, "slow_requests", window),
            f"1 - {ratio(fast_requests(window), timed)}\nor on (model)\n  {of_torchserve(window)}",
        ),
    ]


def _refused(window: str) -> list[Recording]:
    asked = named(MODEL, "asked", window)
    return [
        Recording(asked, model_answers(window)),
        Recording(named(MODEL, "refused_requests", window), ratio(refusals(window), asked)),
    ]
