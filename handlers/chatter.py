"""What TorchServe's worker prints for every batch, kept from being printed.

Each line wakes the frontend, which reads, matches and files it, while the client waits for its answer. The metrics
say the same: requests, batches and the time of each stage.
"""

import logging

_ANNOUNCEMENT = "Backend received inference at: "
_METRIC_LINES = "ts.metrics.caching_metric"  # PredictionTime


def silence() -> None:
    """Drop these lines of this process from now on; calling it again changes nothing."""
    logging.getLogger().addFilter(_is_no_announcement)
    logging.getLogger(_METRIC_LINES).setLevel(logging.WARNING)


def _is_no_announcement(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_ANNOUNCEMENT)
