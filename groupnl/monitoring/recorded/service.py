"""How clients fare: shares of failed, slow and refused requests, by window."""

from groupnl.monitoring.promql import ratio
from groupnl.monitoring.recording import BURN_WINDOWS, MODEL, RECENT, REFUSED_WINDOWS, WEEK, named
from groupnl.monitoring.requests import answers, failures, fast_requests, model_answers, refusals, timed_requests
from groupnl.monitoring.requests import slow_share_of_torchserve as of_torchserve
from groupnl.monitoring.rules import Recording


def service_rules() -> list[Recording]:
    """Shares of failed requests, of slow ones and of refused ones."""
    failed = [
        Recording(f"service:groupnl_failed_requests:{window}", f"{failures(window)}\n/\n({answers(window)} > 0)")
        for window in BURN_WINDOWS
    ]
    slow = [rule for window in BURN_WINDOWS for rule in _slow(window)]
    return [*failed, *slow, *[rule for window in REFUSED_WINDOWS for rule in _refused(window)]]


def long_service_rules() -> list[Recording]:
    """The usual share of refused requests: what the last hours' was on average, a week long. Counters would be many."""
    of_hours = named(MODEL, "refused_requests", RECENT)
    return [Recording(named(MODEL, "refused_requests", WEEK), f"avg_over_time({of_hours}[{WEEK}])")]


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
