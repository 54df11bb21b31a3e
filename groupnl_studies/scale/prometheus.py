"""A real Prometheus as a child process, which scrapes replicas and computes the rules that are handed out."""

import shutil
import urllib.request
from pathlib import Path

import yaml

from groupnl.base.child_process import bound_command
from groupnl.errors import ConfigError
from groupnl.monitoring.scrape import JOB
from groupnl.report.samples import Samples, parse
from groupnl_studies.harness.ports import HOST, free_ports
from groupnl_studies.harness.service import ChildProcess

EVALUATIONS = 2  # scrapes between two computations of the rules, as in the configuration that is handed out


def program(wanted: Path | None) -> Path:
    """Prometheus' program: the one that is named, or that of the path.

    Raises:
        ConfigError: there is none.
    """
    found = wanted or shutil.which("prometheus")
    if found is None or not Path(found).is_file():
        raise ConfigError(f"prometheus is {wanted or 'not on the path'}: install it, or name it with --prometheus FILE")
    return Path(found)


class Replicas(ChildProcess):
    """The exporter that answers for all replicas.

    Args:
        folder: for its output.
        page: file with what one of them shows.
    """

    title = "the exporter"

    def __init__(self, folder: Path, page: Path) -> None:
        super().__init__(folder)
        self._page = page
        (self.inference_port,) = free_ports(1)

    def start(self) -> None:
        """See `ChildProcess.start`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._launch(bound_command("groupnl_studies.scale.exporter", str(self._page), str(self.inference_port)))

    def _ready(self) -> bool:
        return _answers(self.inference_port, "/")


class Prometheus(ChildProcess):
    """Prometheus, with the data of this run only.

    Args:
        folder: for its configuration and data.
        binary: its program.
        rules: folder of rule files; None: no rules.
        targets: port where the replicas' pages are.
        replicas: how many.
        interval_s: seconds between two scrapes.
    """

    title = "prometheus"

    def __init__(
        self, folder: Path, binary: Path, rules: Path | None, targets: int, replicas: int, interval_s: float
    ) -> None:
        super().__init__(folder)
        self._binary = binary
        (self.inference_port,) = free_ports(1)
        self._config = {
            "global": {
                "scrape_interval": _duration(interval_s),
                "scrape_timeout": _duration(interval_s),
                "evaluation_interval": _duration(EVALUATIONS * interval_s),
            },
            "rule_files": [] if rules is None else [str(rules.resolve() / "*.yml")],
            "scrape_configs": [
                {
                    "job_name": JOB,
                    "static_configs": [
                        {
                            "targets": [f"{HOST}:{targets}"],
                            "labels": {"instance": f"replica-{number}", "__metrics_path__": f"/{number}"},
                        }
                        for number in range(replicas)
                    ],
                }
            ],
        }

    def start(self) -> None:
        """See `ChildProcess.start`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "prometheus.yml"
        config.write_text(yaml.safe_dump(self._config), encoding="utf-8")
        data, address = self._folder / "data", f"{HOST}:{self.inference_port}"
        self._launch(
            [
                str(self._binary),
                f"--config.file={config}",
                f"--storage.tsdb.path={data}",
                f"--web.listen-address={address}",
            ]
        )

    def own_metrics(self) -> Samples:
        """What it counts of itself. Raises OSError when it does not answer."""
        with urllib.request.urlopen(f"http://{HOST}:{self.inference_port}/metrics", timeout=30) as answer:
            return parse(answer.read().decode())

    def _ready(self) -> bool:
        return _answers(self.inference_port, "/-/ready")


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=30) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _duration(seconds: float) -> str:
    return f"{round(1000 * seconds)}ms"
