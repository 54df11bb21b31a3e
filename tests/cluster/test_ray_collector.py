"""Where all replicas' counts are added up: what it keeps, and that it goes on where it cannot keep it."""

import urllib.request

import pytest
from support.small_disk import fill, small_disk

pytest.importorskip("ray", reason="the extra ray is not installed")

from groupnl.cluster.collector import FILE, Collector
from groupnl.cluster.config import ClusterConfig
from groupnl.cluster.totals import Counted, HandOver, Sample
from groupnl.server.comparison import Comparison
from groupnl_studies.harness.ports import free_ports

ANSWERS = Counted("groupnl_answers", "", "counter", (Sample("groupnl_answers_total", (("model", "m"),), 3.0),))
HANDED = HandOver("a", "a:1", {"m": Comparison("a", None, "cells")}, (ANSWERS,))


@pytest.fixture
def started():
    """Starts one; all end with the test."""
    running = []

    def start(folder):
        (port,) = free_ports(1)
        running.append(Collector(ClusterConfig(state_dir=folder, metrics_port=port)))
        return running[-1]

    yield start
    for each in running:
        each._server.shutdown()
        each._server.server_close()


def page(collector):
    host, port = collector.address()
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=30) as answer:
        return answer.read().decode()


def test_a_full_disk_harms_nobody(started, tmp_path):
    with small_disk(tmp_path / "disk", 64) as disk:
        collector = started(disk)
        filler = fill(disk, 0)
        collector.take(HANDED._replace(is_last=True))
        assert 'groupnl_answers_total{model="m"} 3.0' in page(collector)
        assert not (disk / FILE).exists()
        filler.unlink()
        collector.save()
        assert (disk / FILE).exists()


def test_a_later_start_goes_on(started, tmp_path):
    started(tmp_path).take(HANDED._replace(is_last=True))
    later = started(tmp_path)
    later.take(HANDED._replace(replica="b"))
    assert 'groupnl_answers_total{model="m"} 6.0' in page(later)
