"""Who is told what happens to versions and their workers."""

from typing import Protocol

from groupnl.server.twins import Networks


class Witness(Protocol):
    """Learns of deaths and reloads."""

    def worker_died(self, model: str, reason: str) -> None:
        """A worker has ended though nobody wanted it; the reasons are `groupnl.metrics.DEATH_REASONS`."""

    def worker_ended(self, pid: int) -> None:
        """A worker's process is no more, for whatever reason. May take milliseconds; called in any thread."""

    def reloaded(self, model: str, outcome: str) -> None:
        """A reload has ended; the outcomes are `groupnl.metrics.RELOAD_OUTCOMES`."""

    def exchanged(self, model: str, networks: Networks) -> None:
        """Other networks answer for a model, and the workers of the old ones have ended. As `worker_ended`."""
