"""groupnl gate by a real Prometheus that scrapes two replicas: their counts are judged together."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.played_candidate import PlayedService
from support.prometheus import Prometheus, tools
from support.waiting import until_equal

from groupnl import cli

pytestmark = pytest.mark.slow


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    tools()  # skips where there are none
    replicas = PlayedService(), PlayedService()
    for replica in replicas:
        replica.count(3000, (1500, 50, 150, 300), (50, 0, 0, 0))
    targets = ", ".join(f"'127.0.0.1:{replica.port}'" for replica in replicas)
    config = tmp_path / "prometheus.yml"
    config.write_text(
        f"global: {{scrape_interval: 1s}}\n"
        f"scrape_configs: [{{job_name: groupnl, static_configs: [{{targets: [{targets}]}}]}}]\n"
    )
    running = Prometheus(config, tmp_path / "data")
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()
        for replica in replicas:
            replica.close()


def test_replicas_are_judged_together(prometheus: Prometheus, capsys: pytest.CaptureFixture[str]) -> None:
    until_equal(lambda: len(prometheus.query("groupnl_candidate_images_total")), 2)
    words = ["gate", "--prometheus", prometheus.url, "--model", "m", "--candidate", "c", "--json"]
    assert cli.main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"] == 6000
    assert found["findings"]["right"]["images"] == 2 * (2000 + 50)
    assert found["findings"]["right"]["value"] == pytest.approx(200 / 4100)
    assert found["slowdown"] == pytest.approx(2)
