"""What is done with the account of each request that has ended: counted, logged, and traced where that is wanted."""

from prometheus_client import CollectorRegistry

from groupnl.server.observed.access_log import AccessLog
from groupnl.server.observed.account import Account
from groupnl.server.observed.counts import Counts
from groupnl.server.observed.gauges import Gauges
from groupnl.server.observed.tracing import Tracer


class Watch:
    """Learns of each request, when it begins and when it has ended.

    Args:
        registry: of the metrics that are shown.
        counts: of the server.
        log: of the answers.
        tracer: makes traces, where they are wanted.

    Attributes:
        counts: of the server.
    """

    def __init__(self, registry: CollectorRegistry, counts: Counts, log: AccessLog, tracer: Tracer | None) -> None:
        self._tracer = tracer
        self.counts = counts
        self._registry = registry
        self._log = log

    def show(self, gauges: Gauges) -> None:
        """Let the metrics tell these figures, too."""
        self._registry.register(gauges)

    def begin(self, account: Account) -> None:
        """A request has come."""
        if self._tracer is not None:
            self._tracer.begin(account)

    def end(self, account: Account) -> None:
        """The request is answered, or given up."""
        account.end()
        self.counts.request(account)
        self._log.write(account)
        if self._tracer is not None:
            self._tracer.end(account)
