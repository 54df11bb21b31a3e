"""The tasks of a real Ray cluster of two machines count as one process does, also where one of them is lost."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.colours import colour_checkpoint
from support.crew_runs import LIMIT_S, mixed, start
from support.waiting import until

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

# In a program of its own: Ray's threads and handlers stay in a process that has spoken with it.
_CLUSTER = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
other = cluster.add_node(num_cpus=1)
print("cluster", cluster.address, flush=True)
if sys.stdin.readline():
    cluster.remove_node(other, allow_graceful=False)
sys.stdin.read()
cluster.shutdown()
"""


def test_a_lost_machine_changes_nothing(tmp_path: Path) -> None:
    checkpoint = colour_checkpoint(tmp_path)
    mixed(tmp_path / "data", 10)
    data = ["--data", str(tmp_path / "data"), "--corrupt", "--corruptions", "gaussian_noise", "fog", "contrast", "snow"]
    words = ["validate", "--checkpoint", str(checkpoint), *data, "--batch-size", "8"]
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    program = [sys.executable, "-c", _CLUSTER]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as cluster:
        assert cluster.stdin is not None
        assert cluster.stdout is not None
        process = start(*words, "--output", str(alone), "--workers", "0")
        printed, _ = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, printed
        address = next(line for line in cluster.stdout if line.startswith("cluster ")).split()[1]
        process = start(*words, "--output", str(shared), "--ray", address, "--workers", "0", "--threads", "1")
        until((shared / "counts.json").exists, LIMIT_S, longest_pause_s=0.02)
        print("lose", file=cluster.stdin, flush=True)
        printed, _ = process.communicate(timeout=LIMIT_S)
        cluster.stdin.close()
    assert process.returncode == 0, printed
    assert (shared / "counts.json").read_text() == (alone / "counts.json").read_text()
