"""groupnl_studies.harness.own_process: results, known errors, and a process that ends."""

import os
import subprocess
import sys

import psutil
import pytest

from groupnl.errors import ConfigError, RewriteError
from groupnl.inference.ways import REFERENCE, parse_way
from groupnl_studies.harness.own_process import in_a_process

pytestmark = pytest.mark.slow


def test_the_result_comes_from_another_process() -> None:
    assert in_a_process(os.getppid) == os.getpid()
    assert in_a_process(parse_way, name=REFERENCE.name) == REFERENCE


def test_a_known_error_is_raised_here() -> None:
    with pytest.raises(ConfigError, match="'x' is no way to run a network"):
        in_a_process(parse_way, "x")


def test_a_process_that_ends_is_told() -> None:
    with pytest.raises(RewriteError, match="ended with status 3"):
        in_a_process(os._exit, 3)


def test_an_unknown_error_stands_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RewriteError, match="ended with status 1"):
        in_a_process(int, "seven")
    assert "ValueError" in capfd.readouterr().err


def test_it_ends_with_its_parent() -> None:
    inner = "print('ready', flush=True); import time; time.sleep(60)"
    program = f"from groupnl_studies.harness.own_process import in_a_process; in_a_process(exec, {inner!r})"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        children = psutil.Process(parent.pid).children()
        parent.kill()
        parent.wait()
        _, alive = psutil.wait_procs(children, timeout=60)
    assert all(child.status() == psutil.STATUS_ZOMBIE for child in alive)  # where no init takes in orphans
