"""One of the other servers as a child process."""

import importlib.util
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from groupnl.base import environment
from groupnl.errors import ConfigError, not_installed
from groupnl_studies.harness.client import Request
from groupnl_studies.harness.cpu import Parts, workers
from groupnl_studies.harness.ports import HOST
from groupnl_studies.harness.service import ChildProcess
from groupnl_studies.serving.others.options import PATH, READY, ProgramOptions

_SPAWNED = "multiprocessing.spawn"  # how both start the processes that run the network
TEMPLATE = Request(PATH, b"", (("Content-Type", "image/jpeg"),), "POST")


class Other(NamedTuple):
    """A server and a way to use it.

    Attributes:
        package: that has to be installed; its program is the module `PACKAGE_program` beside this one.
        our_engine: with our decoding and engine, or with what its documents advise.
        frontend: name of its program that speaks HTTP; empty where no process does that alone.
        restless: its workers look for requests all the time.
    """

    package: str
    our_engine: bool
    frontend: str = ""
    restless: bool = False


OTHERS = {
    "litserve": Other("litserve", our_engine=False, restless=True),
    "mosec": Other("mosec", our_engine=False, frontend="mosec"),
    "litserve-engine": Other("litserve", our_engine=True, restless=True),
    "mosec-engine": Other("mosec", our_engine=True, frontend="mosec"),
}


def check_installed(names: Sequence[str]) -> None:
    """Raise ConfigError where the package of one of `OTHERS` is missing."""
    for name in names:
        package = OTHERS[name].package
        if importlib.util.find_spec(package) is None:
            raise ConfigError(f"--others {name}: {not_installed(package)}")


class OtherService(ChildProcess):
    """One of the other servers; used like `groupnl_studies.harness.service.RunningService`.

    Args:
        name: one of `OTHERS`.
        folder: for its options and output; made if missing. Compiled code is kept beside it.
        options: what it serves, and how.
    """

    start_limit_s = 1200.0  # several workers of several servers compile side by side

    def __init__(self, name: str, folder: Path, options: ProgramOptions) -> None:
        super().__init__(folder)
        self._other = OTHERS[name]
        self.title = name
        self.parts = Parts(self._other.frontend, _SPAWNED)
        self.inference_port = options.port
        self._options = options

    def start(self) -> None:
        """Start it; `wait_until_ready` says when every worker has loaded the network."""
        self._folder.mkdir(parents=True, exist_ok=True)
        options = self._folder / "options.json"
        options.write_text(self._options.model_dump_json(), encoding="utf-8")
        program = f"{__package__}.{self._other.package}_program"
        self._launch([sys.executable, "-m", program, str(options)], self._environment())

    def close(self) -> None:
        """End it; returns when nothing of it is left."""
        if self._process is not None and self._process.poll() is None:
            self._tell_workers(psutil.Process.resume)
        super().close()

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Afterwards restless workers are stopped by a signal, and use no core while another service is asked.

        Only they are: when the server's first process dies they are killed, and that one still hears a TERM.
        """
        self._tell_workers(psutil.Process.resume)
        try:
            yield
        finally:
            self._tell_workers(psutil.Process.suspend)

    def _tell_workers(self, order: Callable[[psutil.Process], None]) -> None:
        for process in workers(self._pid, self.parts) if self._other.restless else ():
            with suppress(psutil.NoSuchProcess):
                order(process)

    def _environment(self) -> dict[str, str]:
        changes = {
            "OMP_NUM_THREADS": str(self._options.threads),
            "TORCHINDUCTOR_CACHE_DIR": str(self._folder.parent / "compiled"),  # one server's code serves the next
            "TORCHINDUCTOR_COMPILE_THREADS": "1",  # more are processes that outlive a killed worker
            "OTEL_SDK_DISABLED": "true",  # FastAPI would tell a collector, where the environment names one
            "MOSEC_ADDRESS": HOST,
            "MOSEC_PORT": str(self._options.port),
            "MOSEC_LOG_LEVEL": "warning",
            "MOSEC_TIMEOUT": "60000",
        }
        return environment.child_environment(changes | environment.brief_waiting() | environment.huge_pages())

    def _ready(self) -> bool:
        if self._printed().count(READY) < self._options.workers:
            return False
        with suppress(OSError), socket.create_connection((HOST, self._options.port), 1.0):
            return True
        return False
