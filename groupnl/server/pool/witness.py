"""Who is told what happens to versions and their workers."""

from typing import Protocol

from groupnl.server.comparison import Comparison


class Witness(Protocol):
    """Learns of deaths and reloads."""

    def worker_died(self, model: str, reason: str) -> None:
        """A worker has ended though nobody wanted it; the reasons are `groupnl.metrics.DEATH_REASONS`."""

    def worker_ended(self, pid: int) -> None:
        """A worker's process is no more, for whatever reason. May take milliseconds; called in any thread."""

    def reloaded(self, model: str, outcome: str) -> None:
        """A reload has ended; the outcomes are `groupnl.metrics.RELOAD_OUTCOMES`."""

    def exchanged(self, model: str, comparison: Comparison) -> None:
        """A model's verdicts are about something else, and the workers of before have ended. As `worker_ended`."""
