"""handlers.chatter: lines that TorchServe's worker prints for every batch."""

import logging
from collections.abc import Iterator

import pytest

from handlers import chatter


@pytest.fixture
def silenced(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    root, metrics = logging.getLogger(), logging.getLogger("ts.metrics.caching_metric")
    filters, level = list(root.filters), metrics.level
    root.setLevel(logging.INFO)
    chatter.silence()
    chatter.silence()
    assert len(root.filters) <= len(filters) + 1
    yield caplog
    root.filters[:] = filters
    metrics.setLevel(level)


def test_lines_of_batches_are_dropped_and_others_kept(silenced: pytest.LogCaptureFixture) -> None:
    logging.info("Backend received inference at: %d", 1)
    logging.info("Frontend disconnected.")
    logging.getLogger("ts.metrics.caching_metric").info("[METRICS]PredictionTime.ms:1.0")
    logging.getLogger("groupnl.service.service").info("something else")
    assert [record.getMessage() for record in silenced.records] == ["Frontend disconnected.", "something else"]
