"""`torchrun` with some processes on loopback."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_S = 200


def start(*words: str, module: str = "groupnl.cli", processes: int = 2) -> "subprocess.Popen[str]":
    """The command in two processes, or more; one thread each."""
    launcher = ["--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", str(processes)]
    return _started("torch.distributed.run", *launcher, "-m", module, *words)


def start_forked(*words: str, processes: int) -> "subprocess.Popen[str]":
    """The same, sooner; see `support.forked_torchrun`."""
    return _started("support.forked_torchrun", str(processes), *words)


def _started(module: str, *words: str) -> "subprocess.Popen[str]":
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(processes: "subprocess.Popen[str]") -> str:
    """Wait for the end; what was printed."""
    printed, _ = processes.communicate(timeout=LIMIT_S)
    assert processes.returncode == 0, printed
    return printed
