"""Seats that workers take in turn."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from groupnl.server.seats import Seats, make_seats
from handlers.turns import Turns

HOLDER = """
import sys, time
from pathlib import Path
from handlers.turns import Turns
with Turns(Path(sys.argv[1])).turn():
    print("seated", flush=True)
    time.sleep(60)
"""


def folder(tmp_path: Path, number: int) -> Path:
    return make_seats(tmp_path, Seats(number, 1))


@pytest.mark.parametrize("seats", [1, 2])
def test_no_more_compute_than_there_are_seats(tmp_path: Path, seats: int) -> None:
    place, lock = folder(tmp_path, seats), threading.Lock()
    seated, most = 0, 0

    def work(turns: Turns) -> None:
        nonlocal seated, most
        for _ in range(20):
            with turns.turn():
                with lock:
                    seated += 1
                    most = max(most, seated)
                time.sleep(0.001)
                with lock:
                    seated -= 1

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(work, [Turns(place) for _ in range(5)]))
    assert most == seats


def test_the_next_waits_until_the_seat_is_left(tmp_path: Path) -> None:
    place = folder(tmp_path, 1)
    first, second, came = Turns(place), Turns(place), threading.Event()

    def follow() -> None:
        with second.turn():
            came.set()

    with first.turn():
        thread = threading.Thread(target=follow)
        thread.start()
        assert not came.wait(0.1)
    assert came.wait(5)
    thread.join()


def test_a_fault_leaves_the_seat(tmp_path: Path) -> None:
    place = folder(tmp_path, 1)
    with pytest.raises(ZeroDivisionError), Turns(place).turn():
        raise ZeroDivisionError
    with Turns(place).turn():
        pass


def test_a_killed_worker_leaves_its_seat(tmp_path: Path) -> None:
    place = folder(tmp_path, 1)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(place)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "seated\n"
        holder.kill()
        holder.wait(10)
        with Turns(place).turn():
            pass


def test_without_seats_nobody_waits() -> None:
    turns = Turns(None)
    with turns.turn(), turns.turn():
        pass
