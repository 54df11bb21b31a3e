"""The settings of `groupnl monitoring`."""

from groupnl.base.addresses import Url
from groupnl.monitoring.recording import Baseline
from groupnl.monitoring.scrape import ScrapeConfig


class MonitoringConfig(ScrapeConfig):
    """What Prometheus asks, and how its alerts judge.

    Attributes:
        baseline: what live agreement is compared with: "offline", held-back images before packing, or "own", the
            service's own week before the last one.
        runbooks: address of the page that has a heading for each alert, where it is published; None: its path here.
    """

    baseline: Baseline = "offline"
    runbooks: Url | None = None
