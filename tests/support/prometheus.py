"""A real Prometheus for tests: the one on the path, or what `.ci/prometheus.sh` fetches."""

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from support.fetched import fetched

from groupnl.cli import main
from groupnl.monitoring.recording import LONG_INTERVAL
from groupnl_studies.harness.ports import free_ports

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 90
STOP_LIMIT_S = 60


def tools() -> Path:
    """The folder of prometheus and promtool; see `fetched`."""
    return fetched("prometheus.sh")


def promtool(*words: str | Path) -> str:
    """What promtool prints; fails with it where it fails."""
    done = subprocess.run([tools() / "promtool", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def configure(folder: Path, *words: str) -> Path:
    """The configuration that `groupnl monitoring` writes into a folder; all rules are computed every two seconds.

    Args:
        folder: where it is written.
        words: its options, beside the intervals.
    """
    assert main(["monitoring", "--out", str(folder), "--interval", "1", "--evaluation-interval", "2", *words]) == 0
    for file in (folder / "prometheus" / "rules").glob("*.yml"):
        file.write_text(file.read_text().replace(f"interval: {LONG_INTERVAL}", "interval: 2s"))
    return folder / "prometheus" / "prometheus.yml"


class Prometheus:
    """A Prometheus on a free loopback port.

    Args:
        config: its configuration file.
        data: where it stores its samples.

    Attributes:
        url: its address.
    """

    def __init__(self, config: Path, data: Path) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._log = data.with_suffix(".log")
        command = [tools() / "prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}"]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=subprocess.STDOUT
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            try:
                with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query's answer, each with `metric` and `value`."""
        return self._get("query", query=expression)["result"]

    def label_values(self, selector: str, label: str) -> list[str]:
        """The values of a label among the series that a selector finds."""
        return self._get(f"label/{label}/values", **{"match[]": selector})

    def rules(self) -> list[dict[str, Any]]:
        """All rules, with their health and last error."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(STOP_LIMIT_S)

    def _get(self, path: str, **parameters: str) -> Any:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error
