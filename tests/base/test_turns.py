"""Seats that workers take in turn."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from groupnl.base.seats import Seats, make_seats
from groupnl.base.turns import Turns

HOLDER = """
import sys, time
from pathlib import Path
from groupnl.base.turns import Turns
with Turns(Path(sys.argv[1]), 2).turn():
    print("seated", flush=True)
    time.sleep(60)
"""


def folder(tmp_path: Path, cores: int, share: int = 1) -> Path:
    return make_seats(tmp_path, Seats(cores, share))


@pytest.mark.parametrize(("cores", "share"), [(1, 1), (2, 1), (4, 2)])
def test_no_more_threads_than_cores(tmp_path: Path, cores: int, share: int) -> None:
    place, lock = folder(tmp_path, cores, share), threading.Lock()
    computing, most = 0, 0

    def work(turns: Turns) -> None:
        nonlocal computing, most
        for _ in range(20):
            with turns.turn() as threads:
                with lock:
                    computing += threads
                    most = max(most, computing)
                time.sleep(0.001)
                with lock:
                    computing -= threads

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(work, [Turns(place, cores) for _ in range(5)]))
    assert most == cores


def test_who_is_alone_has_all_cores(tmp_path: Path) -> None:
    turns = Turns(folder(tmp_path, 4, 2), 4)
    assert turns.threads == (2, 4)
    with turns.turn() as threads:
        assert threads == 4


def test_who_has_all_cores_leaves_a_share_to_who_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groupnl.base.turns._POLL_S", 0.05)
    place = folder(tmp_path, 2)
    greedy, waiting = Turns(place, 2), Turns(place, 2)
    is_seated, turns_of_all = threading.Event(), 0

    def wait() -> None:
        with waiting.turn() as threads:
            assert threads == 1
            is_seated.set()

    with ThreadPoolExecutor(1) as pool:
        waits = None
        while not is_seated.is_set():
            with greedy.turn() as threads:  # and at once again: nobody who looks now and then finds a free seat
                waits = waits or pool.submit(wait)
                turns_of_all += threads == 2
                time.sleep(0.01)
        assert waits is not None
        waits.result(timeout=30)
    assert turns_of_all < 30  # until the other one has begun to wait


@pytest.mark.parametrize(("threads", "expected"), [(4, (2, 4)), (1, (1,))])
def test_only_what_a_turn_may_bring_is_warmed_up(tmp_path: Path, threads: int, expected: tuple[int, ...]) -> None:
    assert Turns(folder(tmp_path, 4, 2), threads).threads == expected


def test_beside_another_one_has_a_share(tmp_path: Path) -> None:
    place = folder(tmp_path, 4, 2)
    alone, beside = Turns(place, 1), Turns(place, 4)
    with alone.turn() as first, beside.turn() as second:
        assert (first, second) == (1, 2)


def test_who_met_another_takes_a_share_once_more(tmp_path: Path) -> None:
    place = folder(tmp_path, 4, 2)
    other, turns = Turns(place, 1), Turns(place, 4)
    with other.turn(), turns.turn() as threads:
        assert threads == 2
    given = []
    for _ in range(3):
        with turns.turn() as threads:
            given.append(threads)
    assert given == [2, 4, 4]


def test_who_is_alone_finds_out_how_many_threads_are_quickest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("groupnl.base.turns.time", SimpleNamespace(monotonic=lambda: now))
    turns, given = Turns(folder(tmp_path, 4, 2), 4), []
    for _ in range(6):
        with turns.turn(1) as threads:
            given.append(threads)
            now += 0.05 if threads == 4 else 0.01
    assert given == [4, 2, 2, 2, 2, 2]


def test_beside_another_one_nothing_is_learnt_of_threads(tmp_path: Path) -> None:
    place = folder(tmp_path, 4, 2)
    other, turns, given = Turns(place, 1), Turns(place, 4), []
    with other.turn():
        for _ in range(3):
            with turns.turn(1) as threads:
                given.append(threads)
    for _ in range(3):
        with turns.turn(1) as threads:
            given.append(threads)
    assert given == [2, 2, 2, 2, 4, 2]  # once more a share, and then both are tried


def test_who_has_waited_takes_a_share(tmp_path: Path) -> None:
    place = folder(tmp_path, 4, 2)
    first, second, came = Turns(place, 4), Turns(place, 4), threading.Event()
    given = []

    def follow() -> None:
        with second.turn() as threads:
            given.append(threads)
            came.set()

    with first.turn():
        thread = threading.Thread(target=follow)
        thread.start()
        assert not came.wait(0.1)
    assert came.wait(60)
    thread.join()
    assert given == [2]


def test_a_fault_leaves_the_seats(tmp_path: Path) -> None:
    place = folder(tmp_path, 2)
    with pytest.raises(ZeroDivisionError), Turns(place, 2).turn():
        raise ZeroDivisionError
    with Turns(place, 2).turn() as threads:
        assert threads == 2


def test_a_killed_worker_leaves_its_seats(tmp_path: Path) -> None:
    place = folder(tmp_path, 2)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(place)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "seated\n"
        holder.kill()
        holder.wait(60)
        with Turns(place, 2).turn() as threads:
            assert threads == 2


def test_without_seats_nobody_waits() -> None:
    turns = Turns(None, 3)
    with turns.turn() as first, turns.turn() as second:
        assert (first, second) == (3, 3)


def test_one_that_stands_still_stops_nobody_for_long(tmp_path: Path) -> None:
    place = folder(tmp_path, 2)
    still, going = Turns(place, 2), Turns(place, 2)
    with still.turn():
        began = time.monotonic()
        with going.turn() as threads:
            assert threads == 1
        assert time.monotonic() - began > 0.4
        began = time.monotonic()
        for _ in range(5):
            with going.turn() as threads:
                assert threads == 1
        assert time.monotonic() - began < 2.5  # as if each had waited so long
    with going.turn(), ThreadPoolExecutor(1) as pool:  # on a seat again: who comes now waits
        waiting = pool.submit(lambda: Turns(place, 2).turn().__enter__())
        time.sleep(0.1)
        assert not waiting.done()
