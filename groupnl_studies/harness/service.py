"""A service of our own for a study: `groupnl serve` as a child process, on free ports of this machine."""

import subprocess
import sys
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import yaml

from groupnl.base.child_process import end_with_parent
from groupnl.errors import ServerError
from groupnl.server.command import READY
from groupnl.server.processes import end_session
from groupnl_studies.harness.closed import Closed
from groupnl_studies.harness.cpu import OUR_SERVER, TORCHSERVE, CpuSeconds, cpu_seconds
from groupnl_studies.harness.ports import free_ports

START_LIMIT_S = 300.0
STOP_LIMIT_S = 60.0
_PORTS = ("inference_port", "metrics_port")
_TORCHSERVE_PORTS = (*_PORTS, "management_port", "frontend_metrics_port")


class ChildProcess(Closed):
    """A server as a child process, which is ended at the end of a `with` block.

    Args:
        folder: for its configuration, output and logs; made if missing.

    Attributes:
        title: what messages call it.
        parts: how its processes are told apart.
        start_limit_s: when waiting for it ends.
        inference_port: predictions.
    """

    title = "the service"
    parts = TORCHSERVE
    start_limit_s = START_LIMIT_S
    inference_port: int

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def start(self) -> None:
        """Start it; `wait_until_ready` says when it answers."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether every worker can answer; may raise ServerError when it sees that none ever will."""

    def wait_until_ready(self) -> None:
        """Wait until every worker can answer.

        Raises:
            ServerError: it ended, or the time is over.
        """
        deadline = time.monotonic() + self.start_limit_s
        while not self._ready():
            self.check_alive()
            if time.monotonic() > deadline:
                raise ServerError(f"{self.title} did not answer within {self.start_limit_s:g} s:\n{self._printed()}")
            time.sleep(0.1)

    def check_alive(self) -> None:
        """Raise ServerError, with what it printed, when it has ended by itself."""
        if self._process is None or self._process.poll() is not None:
            raise ServerError(f"{self.title} ended:\n{self._printed()}")

    def close(self) -> None:
        """End it; returns when nothing of it is left."""
        if self._process is not None:
            end_session(self._process)

    def __enter__(self) -> Self:
        self.start()
        return self

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Entered by who asks it: one that uses the cores while nobody asks may sleep at other times."""
        yield

    def cpu_seconds(self) -> CpuSeconds:
        """Processor time that it has used since its start.

        Raises:
            ServerError: it was not started.
        """
        return cpu_seconds(self._pid, self.parts)

    @property
    def _pid(self) -> int:
        if self._process is None:
            raise ServerError(f"{self.title} was not started: call start() first")
        return self._process.pid

    def _launch(self, command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        """Start the program in a session of its own: a Ctrl-C reaches only us, and we end everything in order."""
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 (our own commands)
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    @property
    def _output(self) -> Path:
        return self._folder / "output.txt"

    def _printed(self) -> str:
        """What it has printed so far."""
        return self._output.read_text(encoding="utf-8", errors="replace") if self._output.exists() else ""


class RunningService(ChildProcess):
    """One running service.

    Args:
        folder: for its configuration, output and logs; made if missing.
        models: as for `groupnl serve --models`.
        settings: further fields of `ServeConfig`.

    Attributes:
        metrics_port: what the workers count.
    """

    def __init__(self, folder: Path, models: Sequence[str], settings: Mapping[str, Any]) -> None:
        super().__init__(folder)
        is_torchserve = settings.get("server") == "torchserve"
        names = _TORCHSERVE_PORTS if is_torchserve else _PORTS
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.inference_port = ports["inference_port"]
        self.metrics_port = ports["metrics_port"]
        self.parts = TORCHSERVE if is_torchserve else OUR_SERVER
        self._config = {"models": list(models), "log_dir": str(folder / "logs"), **ports, **settings}

    def start(self) -> None:
        """Start it; `wait_until_ready` says when all models have answered."""
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "serve.yaml"
        config.write_text(yaml.safe_dump(self._config), encoding="utf-8")
        self._launch([sys.executable, "-m", "groupnl.cli", "serve", "--config", str(config)])

    def close(self) -> None:
        """End it; returns when nothing of it is left."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()  # it ends TorchServe, which is in another session
            self._process.wait(STOP_LIMIT_S)

    def _ready(self) -> bool:
        return READY in self._printed()


def shadow_settings(share: float) -> dict[str, Any]:
    """Settings of a service that shadows this share of its requests, and replays no probe images.

    The replay takes idle time, and would disturb the others while they are measured. A client sends the same images
    again and again: none is passed over for that.
    """
    repeats = {"remembered": 0, "remembered_similar": 0}
    return {"handler": {"shadow": {"share": share, "probe_time_share": 0, **repeats}}}


QUIET = shadow_settings(0.0)
"""Settings of a service that uses no core while others are measured."""
