"""groupnl.base.bound: a module in a process that ends with the one that started it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

PARENT = """
import subprocess, sys
from groupnl.base.child_process import bound_command
child = subprocess.Popen(bound_command("still_importing", "a word"), stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline(), flush=True)
child.wait()
"""
MODULE = """
import sys, time
print(sys.argv[1:], flush=True)
time.sleep(60)
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "still_importing.py").write_text(MODULE, encoding="utf-8")
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}


def test_it_ends_with_its_parent_while_it_imports(environment: dict[str, str]) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        number, words = parent.stdout.readline().split(" ", 1)
        assert words.strip() == "['a word']"
        child = psutil.Process(int(number))
        parent.kill()
    _, alive = psutil.wait_procs([child], timeout=60)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_it_does_not_begin_when_its_parent_has_gone(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "groupnl.base.bound", "1", "still_importing"]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert (process.returncode, process.stdout) == (1, "")
