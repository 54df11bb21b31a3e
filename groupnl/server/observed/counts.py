"""What the server process counts. It is one process: its counts are in memory, and end with it."""

from collections.abc import Sequence

import prometheus_client.values
from prometheus_client import CollectorRegistry, disable_created_metrics

from groupnl.errors import DeadlineError
from groupnl.metrics import (
    ABANDONED,
    ANSWERS,
    EXPIRED_REQUESTS,
    QUEUE_SECONDS,
    RELOADS,
    REQUEST_SECONDS,
    WORKER_DEATHS,
    Metrics,
)
from groupnl.server.comparison import Comparison
from groupnl.server.observed.account import GONE, Account
from groupnl.server.observed.kept_counts import KeptCounts

_COUNTED = (REQUEST_SECONDS, QUEUE_SECONDS, ANSWERS, ABANDONED, EXPIRED_REQUESTS, WORKER_DEATHS, RELOADS)
NO_MODEL = ""  # what is asked of none, or of one that there is not


class Counts:
    """Counts answers, deaths and reloads; everything that can be known begins at 0.

    Args:
        models: their names.
        registry: where the counts are shown.
        kept: the counts of worker processes, which are kept when one has ended.
    """

    def __init__(self, models: Sequence[str], registry: CollectorRegistry, kept: KeptCounts) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        # Values of this process are no files, whatever PROMETHEUS_MULTIPROC_DIR says: that is for the workers.
        prometheus_client.values.ValueClass = prometheus_client.values.MutexValue
        self._kept = kept
        self._metrics = Metrics(None, registry, _COUNTED)
        for family in (ANSWERS, ABANDONED):
            self._metrics.start_at_zero(family, model=[*models, NO_MODEL])
        for family in (REQUEST_SECONDS, QUEUE_SECONDS, EXPIRED_REQUESTS, WORKER_DEATHS, RELOADS):
            self._metrics.start_at_zero(family, model=models)

    def request(self, account: Account) -> None:
        """Count a request that has ended."""
        model = account.model
        if account.status in (0, GONE):
            self._metrics.inc(ABANDONED, model=model)
            return
        self._metrics.inc(ANSWERS, model=model, protocol=account.protocol, code=str(account.status))
        if not model:
            return
        self._metrics.observe(REQUEST_SECONDS, account.seconds, model=model)
        for ticket in account.tickets:
            if ticket.taken:
                self._metrics.observe(QUEUE_SECONDS, ticket.taken - ticket.submitted, model=model)
        if account.code == DeadlineError.code:
            self._metrics.inc(EXPIRED_REQUESTS, model=model)

    def worker_died(self, model: str, reason: str) -> None:
        """Count a worker that has ended by itself, or was ended; the reasons are `groupnl.metrics.DEATH_REASONS`."""
        self._metrics.inc(WORKER_DEATHS, model=model, reason=reason)

    def worker_ended(self, pid: int) -> None:
        """Keep what a process counted that is no more, and forget its gauges; takes some milliseconds."""
        self._kept.workers.retire(pid)

    def reloaded(self, model: str, outcome: str) -> None:
        """Count a reload; the outcomes are `groupnl.metrics.RELOAD_OUTCOMES`."""
        self._metrics.inc(RELOADS, model=model, outcome=outcome)

    def exchanged(self, model: str, comparison: Comparison) -> None:
        """Leave out what was counted of the comparison before; takes some milliseconds."""
        self._kept.exchange(model, comparison)
