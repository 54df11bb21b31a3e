"""What operators and accidents do to a service on this machine while it is asked: reload, kill -9, TERM."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import psutil

from loadtests._settings import LoadTestError, Settings
from loadtests._workers import Worker

BACK_S = 120.0  # until as many workers as before must be ready, beside a load that takes the cores
STOP_S = 60.0  # until a service that was told to stop must have ended; by itself it takes 30 s at most
POLL_S = 0.1
# How far what `/models/NAME` says of a process may be from what the system says; else a pid is another machine's.
SAME_START_S = 10.0
PORTS = {"http": 80, "https": 443}

Workers = Callable[[str], tuple[Worker, ...]]


class Operator:
    """Does one thing at a time, and returns when the service is itself again.

    Args:
        settings: of the run.
        workers: a model's, as they are now.
    """

    def __init__(self, settings: Settings, workers: Workers) -> None:
        self._settings = settings
        self._workers = workers

    def reload(self, model: str) -> None:
        """Another version of a model, from the archive that the service has it from.

        Raises:
            LoadTestError: it was refused, or old workers go on.
        """
        before = self._workers(model)
        address = urlsplit(self._settings.host)
        words = ["--inference-port", str(address.port or PORTS[address.scheme])]
        if self._settings.management_socket:
            words += ["--management-socket", self._settings.management_socket]
        command = [sys.executable, "-m", "groupnl", "reload", model, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own command)
        if done.returncode:
            raise LoadTestError(" ".join(done.stderr.split()) or f"groupnl reload ended with {done.returncode}")
        self._wait_for_others(model, before, before)

    def kill(self, model: str) -> None:
        """Kill -9 for one of a model's workers.

        Raises:
            LoadTestError: it does not run here, or no other one took its place.
        """
        before = self._workers(model)
        victim = before[0]
        if not _runs_here(victim):
            raise LoadTestError(f"worker {victim.pid} is no process of this machine; run the test beside the service")
        os.kill(victim.pid, signal.SIGKILL)
        self._wait_for_others(model, before, before[:1])

    def stop(self) -> None:
        """TERM for the service.

        Raises:
            LoadTestError: it has not ended in time.
        """
        pid = self._settings.stop_pid
        try:
            os.kill(pid, signal.SIGTERM)
        except OSError as error:
            raise LoadTestError(f"--stop-pid {pid}: {error.strerror}") from error
        _wait_until(lambda: not _runs(pid), STOP_S, f"process {pid} still runs")

    def _wait_for_others(self, model: str, before: tuple[Worker, ...], gone: tuple[Worker, ...]) -> None:
        """As many ready workers as before, but not those that are to be gone."""
        old = {worker.identity for worker in gone}

        def back() -> bool:
            now = self._workers(model)
            ready = sum(worker.ready for worker in now)
            return ready >= len(before) and old.isdisjoint(worker.identity for worker in now)

        _wait_until(back, BACK_S, f"not {len(before)} ready workers in place of the old ones")


def _wait_until(is_so: Callable[[], bool], most_s: float, otherwise: str) -> None:
    deadline = time.monotonic() + most_s
    while not is_so():
        if time.monotonic() > deadline:
            raise LoadTestError(f"{otherwise} after {most_s:.0f} s")
        time.sleep(POLL_S)


def _runs_here(worker: Worker) -> bool:
    try:
        started = psutil.Process(worker.pid).create_time()
        return abs(started - datetime.fromisoformat(worker.started).timestamp()) < SAME_START_S
    except (psutil.Error, ValueError):
        return False


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
