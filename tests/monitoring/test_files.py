"""`groupnl monitoring`: the committed files are those that it writes."""

from pathlib import Path

import pytest
import yaml
from support.expressions import SERVING_CONFIG

from groupnl.cli import main
from groupnl.monitoring.config import MonitoringConfig
from groupnl.monitoring.files import generated_files


def test_committed_files_are_the_generated_ones() -> None:
    for name, text in generated_files(MonitoringConfig()).items():
        message = f"serving_config/{name} is not what `groupnl monitoring` writes; run it"
        assert (SERVING_CONFIG / name).read_text(encoding="utf-8") == text, message


def test_nothing_else_lies_there() -> None:
    folders = [SERVING_CONFIG / "prometheus" / "rules", SERVING_CONFIG / "grafana" / "dashboards"]
    there = {str(file.relative_to(SERVING_CONFIG)) for folder in folders for file in folder.iterdir()}
    assert there == set(generated_files(MonitoringConfig())) - {
        "prometheus/prometheus.yml",
        "prometheus/torchserve.yml",
        "kubernetes/monitoring/prometheus-rule.yaml",
    }


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitoring", "--out", str(tmp_path), "--workers", "a:1", "b:2", "--interval", "5"]) == 0
    assert "scrape_interval: 5s" in (tmp_path / "prometheus" / "prometheus.yml").read_text()
    written = capsys.readouterr().out.splitlines()
    assert set(written) == {str(tmp_path / name) for name in generated_files(MonitoringConfig())}
    ours = _targets(tmp_path / "prometheus" / "prometheus.yml")
    assert ours == {"groupnl": ["a:1", "b:2"]}
    assert _targets(tmp_path / "prometheus" / "torchserve.yml") == ours | {"torchserve": ["127.0.0.1:8082"]}


def test_frontends_that_are_named_are_asked(tmp_path: Path) -> None:
    assert main(["monitoring", "--out", str(tmp_path), "--frontends", "a:1"]) == 0
    for name in ("prometheus", "torchserve"):
        assert _targets(tmp_path / "prometheus" / f"{name}.yml")["torchserve"] == ["a:1"]


def test_an_exporter_of_gpus_is_asked_where_it_is_named(tmp_path: Path) -> None:
    assert main(["monitoring", "--out", str(tmp_path), "--gpus", "a:9400", "b:9400"]) == 0
    assert _targets(tmp_path / "prometheus" / "prometheus.yml")["gpus"] == ["a:9400", "b:9400"]


def _targets(file: Path) -> dict[str, list[str]]:
    config = yaml.safe_load(file.read_text())
    return {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--workers", "http://a:1"], "workers"),
        (["--interval", "0"], "interval_s"),
        (["--frontends", "a"], "frontends"),
        (["--runbooks", "docs/monitoring.md"], "runbooks"),
    ],
)
def test_refused(words: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitoring", "--out", str(tmp_path), *words]) == 2
    assert named in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
