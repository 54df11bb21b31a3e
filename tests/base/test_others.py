"""groupnl.base.others: what other programs use, and what is said of it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from groupnl.base import others
from groupnl.base.others import Others, busy_s, others_in_words, own_s

BURN = "import time\nwhile time.process_time() < 0.3: pass"
STAYING = f"{BURN}\nprint(flush=True)\ninput()"
ENOUGH_S = 0.2  # of the 0.3 that are used: the system counts in ticks


@contextmanager
def counted() -> Iterator[list[float]]:
    """What `busy_s` and `own_s` grow by in the block."""
    before, found = (busy_s(), own_s()), []
    yield found
    found += [busy_s() - before[0], own_s() - before[1]]


def test_what_this_process_uses_is_its_own() -> None:
    with counted() as found:
        start = time.process_time()
        while time.process_time() - start < 0.3:
            pass
    assert min(found) > ENOUGH_S


def test_what_a_child_has_used_is_its_parents_when_it_has_ended() -> None:
    with counted() as found:
        subprocess.run([sys.executable, "-c", BURN], check=True)
    assert min(found) > ENOUGH_S


def test_what_a_grandchild_uses_is_ours_while_it_runs() -> None:
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STAYING!r}])"
    before = own_s()
    with subprocess.Popen([sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        used = own_s() - before
        child.communicate(b"\n")
    assert used > ENOUGH_S


def test_others_are_what_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    busy, own, now = iter([100.0, 130.0]), iter([7.0, 12.0]), iter([0.0, 10.0])
    monkeypatch.setattr(others, "busy_s", lambda: next(busy))
    monkeypatch.setattr(others, "own_s", lambda: next(own))
    monkeypatch.setattr(others.time, "perf_counter", lambda: next(now))
    assert Others().cores() == 2.5


@pytest.mark.parametrize(("cores", "warned"), [(0.05, False), (0.7, True)])
def test_a_busy_machine_is_warned_of(cores: float, warned: bool) -> None:
    said = others_in_words(cores)
    assert f"on average: {cores:.2f}" in said
    assert ("measure again when the machine is quiet" in said) == warned
