"""The sum of all replicas in less detail: replicas hand over everything, and the page shows less."""

import urllib.request

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

from groupnl.cluster.collector import Collector
from groupnl.cluster.config import ClusterConfig
from groupnl.cluster.totals import Counted, HandOver, Sample
from groupnl.report.samples import parse
from groupnl.server.comparison import Comparison
from groupnl_studies.harness.ports import free_ports

PAIRS = "groupnl_shadow_pairs_total"
SAMPLES = tuple(
    Sample(PAIRS, (("model", "m"), ("corruption", "fog"), ("severity", str(severity))), 1.0) for severity in range(1, 6)
)


@pytest.mark.parametrize(("detail", "shown"), [("cells", [2.0] * 5), ("corruptions", [10.0]), ("answers", [])])
def test_the_sum_is_shown_in_less_detail(detail, shown):
    (port,) = free_ports(1)
    collector = Collector(ClusterConfig(metrics_port=port, metrics_detail=detail))
    try:
        for replica in ("a", "b"):
            counted = Counted(PAIRS.removesuffix("_total"), "", "counter", SAMPLES)
            collector.take(HandOver(replica, "h:1", {"m": Comparison("x", None, "cells")}, (counted,)))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            samples = parse(answer.read().decode())
        assert [sample.value for sample in samples.matching(PAIRS)] == shown
    finally:
        collector._server.shutdown()
        collector._server.server_close()
