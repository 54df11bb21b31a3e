"""`.ci/monitor.sh`, which `make monitor` runs: where a Prometheus has its web pages."""

import shutil
import subprocess
from pathlib import Path

import pytest

from groupnl.server.config import ServeConfig

ROOT = Path(__file__).parents[2]
USUAL = {"groupnl": "prometheus", "torchserve": "torchserve"}[ServeConfig().server]
PROGRAM = """#!/bin/sh
case "$1" in --help) echo "{help}"; exit;; esac
echo "$@" > "{told}"
exec sleep 60
"""


@pytest.mark.parametrize(
    ("help_text", "flag", "pages"),
    [("--web.local-assets=", True, "http://127.0.0.1:9090/classic"), ("", False, "http://127.0.0.1:9090")],
)
@pytest.mark.parametrize(
    ("words", "config"),
    [([], USUAL), (["--server", "groupnl"], "prometheus"), (["--server", "torchserve"], "torchserve")],
)
def test_prometheus_is_told_whom_it_asks_and_where_its_pages_lie(
    tmp_path: Path, help_text: str, flag: bool, pages: str, words: list[str], config: str
) -> None:
    shutil.copytree(ROOT / ".ci", tmp_path / "repository" / ".ci")
    usr, told = tmp_path / "usr", tmp_path / "told.txt"
    (usr / "share/prometheus/web/templates").mkdir(parents=True)
    (usr / "bin").mkdir()
    for name in ("prometheus", "promtool"):
        (usr / "bin" / name).write_text(PROGRAM.format(help=help_text, told=told))
        (usr / "bin" / name).chmod(0o755)
    done = subprocess.run(
        [tmp_path / "repository/.ci/monitor.sh", "true", *words],
        env={"PATH": f"{usr}/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"--config.file=serving_config/prometheus/{config}.yml" in told.read_text().split()
    assert (f"--web.local-assets={usr}/share/prometheus/web" in told.read_text().split()) is flag
    assert f"(alerts: {pages}/alerts, rules: {pages}/rules)" in done.stdout
