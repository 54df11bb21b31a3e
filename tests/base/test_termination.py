"""groupnl.base.termination: TERM and the end of the terminal, in programs of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groupnl.base.child_process import helpers
from groupnl.base.termination import ending_in_order

WAITING = """
import sys, tempfile, time
from groupnl.base.child_process import helpers
from groupnl.base.termination import ending_in_order

if __name__ == "__main__":
    with ending_in_order(), tempfile.TemporaryDirectory(prefix="left-"):
        try:
            print("ready", flush=True)
            time.sleep(60)
        finally:
            print("cleaning", flush=True)
            sys.stdin.readline()
"""
POOLED = """
import tempfile, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from groupnl.base.child_process import helpers
from groupnl.base.termination import ending_in_order

if __name__ == "__main__":
    with ending_in_order(), tempfile.TemporaryDirectory(prefix="left-"):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(time.time).result()
            longest = pool.submit(time.sleep, 60)
            print("ready", flush=True)
            longest.result()
"""
DROPPING = """
import signal, tempfile, time
from groupnl.base.child_process import helpers
from groupnl.base.termination import ending_in_order

class Dropping:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

if __name__ == "__main__":
    with ending_in_order(), tempfile.TemporaryDirectory(prefix="left-"):
        print("ready", flush=True)
        Dropping()
        time.sleep(60)
"""
DROPPING_CTRL_C = """
import signal, sys, tempfile, time
from groupnl.base.child_process import helpers
from groupnl.base.termination import losing_no_signal

class Dropping:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

if __name__ == "__main__":
    with losing_no_signal(), tempfile.TemporaryDirectory(prefix="left-"):
        print("ready", flush=True)
        try:
            Dropping()
            time.sleep(60)
        except KeyboardInterrupt:
            sys.exit(130)
"""


def started(program: str, folder: Path) -> subprocess.Popen[str]:
    """The program, when it says that it is ready; its temporary folder lies in an empty one."""
    file, temporary = folder / "program.py", folder / "temporary"
    file.write_text(program, encoding="utf-8")
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, str(file)],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert len([*temporary.iterdir()]) >= 1
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_temporary_folders_are_removed_even_if_the_signal_comes_twice(number: signal.Signals, tmp_path: Path) -> None:
    with started(WAITING, tmp_path) as process:
        process.send_signal(number)
        assert process.stdout is not None
        assert process.stdout.readline() == "cleaning\n"
        process.send_signal(number)
        process.communicate("\n", timeout=60)
        assert process.returncode == 128 + number
    assert not [*(tmp_path / "temporary").iterdir()]


@pytest.mark.slow
def test_a_pool_of_processes_does_not_do_all_its_work_first(tmp_path: Path) -> None:
    with started(POOLED, tmp_path) as process:
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not [*(tmp_path / "temporary").iterdir()]


def test_a_signal_amid_code_that_drops_exceptions_ends_the_program_all_the_same(tmp_path: Path) -> None:
    with started(DROPPING, tmp_path) as process:
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not [*(tmp_path / "temporary").iterdir()]


def test_ctrl_c_amid_code_that_drops_exceptions_counts(tmp_path: Path) -> None:
    with started(DROPPING_CTRL_C, tmp_path) as process:
        assert process.wait(60) == 130
    assert not [*(tmp_path / "temporary").iterdir()]


def test_helpers_leave_ctrl_c_to_who_started_them() -> None:
    context = helpers(1)
    assert helpers(0) is None
    assert context is not None
    process = context.Process(target=time.sleep, args=(60,))  # type: ignore[attr-defined]
    process.start()
    try:
        os.kill(process.pid, signal.SIGINT)
        process.join(0.5)
        assert process.is_alive()
        assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])  # here it is heard
    finally:
        process.terminate()
        process.join(60)
    assert process.exitcode == -signal.SIGTERM


def test_an_ignored_signal_stays_ignored_and_handlers_come_back() -> None:
    numbers = (signal.SIGTERM, signal.SIGHUP)
    first = [signal.signal(numbers[0], signal.SIG_DFL), signal.signal(numbers[1], signal.SIG_IGN)]
    try:
        with ending_in_order():
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert [signal.getsignal(number) for number in numbers] == [signal.SIG_DFL, signal.SIG_IGN]
    finally:
        for number, handler in zip(numbers, first, strict=True):
            signal.signal(number, handler)


HALF_MADE = """
import sys
from groupnl.base.termination import let_go

class HalfMade:
    def __init__(self):
        raise KeyboardInterrupt
        self.whole = True

    def __del__(self):
        self.whole

try:
    HalfMade()
except KeyboardInterrupt as error:
    let_go(error)
print("over")
"""


def test_what_was_half_made_goes_without_a_word() -> None:
    said = subprocess.run([sys.executable, "-c", HALF_MADE], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("over\n", "")
