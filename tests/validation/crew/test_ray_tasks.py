"""The tasks of a real Ray cluster of two machines count as one process does, also where one of them is lost."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.colours import colour_checkpoint
from support.crew_runs import LIMIT_S, mixed, running
from support.waiting import until

from groupnl.validation.record import Record

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

# In a program of its own: Ray's threads and handlers stay in a process that has spoken with it.
_CLUSTER = """
import os, sys
os.environ["RAY_worker_niceness"] = "0"  # beside other tests; Ray's own 15 hardly get a core
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
try:
    other = cluster.add_node(num_cpus=1)
    print("cluster", cluster.address, flush=True)
    if sys.stdin.readline():
        cluster.remove_node(other, allow_graceful=False)
        print("lost", flush=True)
    sys.stdin.read()
finally:
    cluster.shutdown()
"""


class _Cluster:
    """That program, which ends when its input does."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def said(self, word: str) -> str:
        """Wait for a line that begins with a word."""
        assert self._process.stdout is not None
        return next(line for line in self._process.stdout if line.startswith(word))

    def lose(self) -> None:
        """Lose a machine."""
        print("lose", file=self._process.stdin, flush=True)
        self.said("lost")


@contextmanager
def _cluster() -> Iterator[_Cluster]:
    program = [sys.executable, "-c", _CLUSTER]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield _Cluster(process)


def _cells(output: Path) -> int:
    return len(Record.model_validate_json((output / "counts.json").read_bytes()).cells)


def test_a_lost_machine_changes_nothing(tmp_path: Path) -> None:
    checkpoint = colour_checkpoint(tmp_path)
    mixed(tmp_path / "data", 10)
    data = ["--data", str(tmp_path / "data"), "--corrupt", "--corruptions", "gaussian_noise", "fog", "contrast", "snow"]
    words = ["validate", "--checkpoint", str(checkpoint), *data, "--batch-size", "8"]
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    with _cluster() as cluster:
        with running(*words, "--output", str(alone), "--workers", "0") as process:
            printed, _ = process.communicate(timeout=LIMIT_S)
            assert process.returncode == 0, printed
        address = cluster.said("cluster ").split()[1]
        cut = ["--ray", address, "--workers", "0", "--threads", "1"]
        with running(*words, "--output", str(shared), *cut) as process:
            until((shared / "counts.json").exists, LIMIT_S, longest_pause_s=0.02)
            cluster.lose()
            assert _cells(shared) < _cells(alone)
            printed, _ = process.communicate(timeout=LIMIT_S)
            assert process.returncode == 0, printed
    assert (shared / "counts.json").read_text() == (alone / "counts.json").read_text()
