"""groupnl_studies.harness.cpu: a family of processes whose parts are known."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from groupnl_studies.harness.cpu import CpuSeconds, Parts, cpu_seconds

BURN = """
import subprocess, sys, time
children = [subprocess.Popen([sys.executable, *sys.argv[2:]], stdout=subprocess.PIPE)] if len(sys.argv) > 2 else []
while time.process_time() < float(sys.argv[1]):
    pass
for child in children:
    child.stdout.readline()
print("done", flush=True)
sys.stdin.read()
"""


def test_workers_are_told_by_their_program(tmp_path: Path) -> None:
    """A parent that uses a seventh of a second, and a worker below it that uses a third."""
    worker = tmp_path / "model_service_worker.py"
    worker.write_text(BURN)
    command = [sys.executable, "-c", BURN, "0.15", str(worker), "0.35"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        used = cpu_seconds(parent.pid)
        again = cpu_seconds(parent.pid).since(used)
        parent.communicate()
    assert 0.3 <= used.workers < 0.6
    assert 0.1 <= used.rest < 0.3
    assert used.frontend == 0
    assert used.total == pytest.approx(used.workers + used.rest)
    assert again.workers <= 0.1


def test_another_server_has_other_parts() -> None:
    """The same two processes: one whose program is called like the test's Python, and one whose code holds a word."""
    burn_more = f"# spawned\n{BURN}"
    command = [sys.executable, "-B", "-c", BURN, "0", "-c", burn_more, "0.2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        used = cpu_seconds(parent.pid, Parts("", "# spawned"))
        as_frontend = cpu_seconds(parent.pid, Parts(psutil.Process(parent.pid).name(), "# spawned"))
        parent.communicate()
    assert used.workers >= 0.15
    assert used.frontend == as_frontend.workers == 0
    assert as_frontend.frontend >= used.total


def test_differences_are_by_part() -> None:
    assert CpuSeconds(3, 20, 1).since(CpuSeconds(1, 5, 1)) == CpuSeconds(2, 15, 0)


def test_a_process_that_has_just_ended_is_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", BURN, "0", "-c", "print()"], stdin=-1, stdout=-1) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        time.sleep(0.2)  # its child has ended and was not waited for
        assert cpu_seconds(parent.pid).workers == 0
        parent.communicate()
