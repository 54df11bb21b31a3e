"""What this machine can do without a server: an archive's network on the same files, in processes of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, Self

from groupnl.base import environment
from groupnl.base.child_process import end_with_parent
from groupnl.errors import ServerError
from groupnl.inference.engine_names import EngineName
from groupnl_studies.harness.closed import Closed

_MODULE = "groupnl_studies.serving.pipeline"
_STOP_S = 10.0


class Mode(NamedTuple):
    """A way to use all cores.

    Attributes:
        processes: that work side by side.
        threads: of each.
        brief: threads that wait for one another soon sleep, as in the service's workers; otherwise they spin long.
    """

    processes: int
    threads: int
    brief: bool


def modes(cores: int) -> dict[str, Mode]:
    """The ways that are tried, by name; the best of them is the limit."""
    if cores == 1:
        return {"one process, one thread": Mode(1, 1, True)}
    return {
        "one process, all threads": Mode(1, cores, True),
        "one process, all threads, spinning": Mode(1, cores, False),
        "a process for each core": Mode(cores, 1, True),
    }


class Speed(NamedTuple):
    """What one mode did.

    Attributes:
        throughput: images a second, all processes together.
        latencies_s: of each batch.
    """

    throughput: float
    latencies_s: list[float]


class Offline(Closed):
    """The processes of one mode; they have loaded the network and wait for orders.

    Args:
        mode: how many there are.
        unpacked: folder with the files of an archive.
        images: folder of encoded images, and nothing else.
        max_batch: largest batch that will be asked for.
        engine: that runs the network; None: as the archive's settings say.

    Attributes:
        engine: that they use, once they are started.
    """

    def __init__(
        self, mode: Mode, unpacked: Path, images: Path, max_batch: int, engine: EngineName | None = None
    ) -> None:
        self._arguments = [str(unpacked), str(images), str(mode.threads), str(max_batch), *([engine] if engine else [])]
        self._mode = mode
        self._processes: list[subprocess.Popen[str]] = []
        self.engine = ""

    def start(self) -> None:
        """Start them, and wait until they have loaded the network.

        Raises:
            ServerError: one of them ended; its words are on the standard error.
        """
        for _ in range(self._mode.processes):
            self._processes.append(
                subprocess.Popen(  # noqa: S603 (our own module)
                    [sys.executable, "-m", _MODULE, *self._arguments],
                    env=_environment(self._mode),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    start_new_session=True,  # a Ctrl-C reaches only us, and we end it
                    preexec_fn=end_with_parent,
                )
            )
        for process in self._processes:
            self.engine = str(_read(process)["engine"])

    def run(self, batch: int, seconds: float) -> Speed:
        """Let all of them work for so many seconds.

        Raises:
            ServerError: one of them ended.
        """
        order = json.dumps({"batch": batch, "seconds": seconds}) + "\n"
        for process in self._processes:
            _write(process, order)
        runs = [_read(process) for process in self._processes]
        throughput = sum(run["images"] / run["seconds"] for run in runs)
        return Speed(throughput, [latency for run in runs for latency in run["latencies_s"]])

    def close(self) -> None:
        """End them."""
        for process in self._processes:
            try:
                process.communicate(timeout=_STOP_S)  # closes its input, which ends it when it has done its order
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        self._processes.clear()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self


def _environment(mode: Mode) -> dict[str, str]:
    changes = {"OMP_NUM_THREADS": str(mode.threads), **environment.huge_pages()}
    return environment.child_environment(changes | (environment.brief_waiting() if mode.brief else {}))


def _write(process: subprocess.Popen[str], text: str) -> None:
    if process.stdin is None or process.poll() is not None:
        raise ServerError(f"a process that measured the limit ended with code {process.returncode}")
    process.stdin.write(text)
    process.stdin.flush()


def _read(process: subprocess.Popen[str]) -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise ServerError(
            f"a process that measures the limit ended with code {process.wait()}; it says why on the standard error"
        )
    content: dict[str, Any] = json.loads(line)
    return content
