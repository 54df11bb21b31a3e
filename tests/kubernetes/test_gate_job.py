"""The shell of the AnalysisTemplate: it waits while the gate has no verdict, and ends as the gate does."""

import os
import subprocess
from pathlib import Path

import pytest
from support.kustomize import only


@pytest.mark.parametrize(("statuses", "end"), [("0", 0), ("2 2 0", 0), ("2 1", 1), ("3", 3), ("127", 127)])
def test_it_asks_until_there_is_a_verdict(statuses: str, end: int, tmp_path: Path) -> None:
    """`groupnl` and `sleep` are played: they note how they were called."""
    (metric,) = only("rollouts", "AnalysisTemplate")["spec"]["metrics"]
    (container,) = metric["provider"]["job"]["spec"]["template"]["spec"]["containers"]
    calls = tmp_path / "calls"
    left = tmp_path / "left"
    left.write_text("\n".join(statuses.split()) + "\n")
    play(
        tmp_path / "groupnl", f'echo "groupnl $*" >> {calls}; status=$(head -1 {left}); sed -i 1d {left}; exit $status'
    )
    play(tmp_path / "sleep", f'echo "sleep $*" >> {calls}')
    command = [*container["command"], "--model", "a b"]
    done = subprocess.run(command, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, timeout=30, check=False)
    assert done.returncode == end
    asked = len(statuses.split())
    waits = [line for _ in range(asked - 1) for line in ("groupnl gate --model a b", "sleep 300")]
    assert calls.read_text().splitlines() == [*waits, "groupnl gate --model a b"]


def play(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
