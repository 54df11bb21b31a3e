"""The short set, `python -m loadtests`, and its picture."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.fake_service import FakeService

from loadtests._plot import draw

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
OPTIONS = ("--duration", "1", "--rate", "100", "--max-p95-ms", "20000", "--min-requests", "20")


def command(service: FakeService, out: Path, *scenarios: str) -> list[str]:
    options = ["--host", service.url, "--management-url", service.url, "--out", str(out), *OPTIONS]
    return [sys.executable, "-m", "loadtests", "--scenarios", *scenarios, *options]


def test_a_set_leaves_its_results_and_fails_if_one_fails(tmp_path):
    out = tmp_path / "out"
    with FakeService(flaw="takes all") as service:
        arguments = command(service, out, "twins", "hostile")
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "passed: twins; failed: hostile" in done.stdout
    names = {f"{name}{end}" for name in ("twins", "hostile") for end in (".html", ".json", "_stats.csv")}
    assert {*names, "summary.svg"} <= {file.name for file in out.iterdir()}
    assert "gnl_effnet_es" in (out / "twins_stats.csv").read_text(encoding="utf-8")
    assert json.loads((out / "hostile.json").read_text(encoding="utf-8"))["passed"] is False
    # Failed checks stand in the report that people open.
    assert "kinds of bad request refused" in (out / "hostile.html").read_text(encoding="utf-8")


def test_a_set_without_a_service_fails(tmp_path):
    with FakeService() as service:
        arguments = command(service, tmp_path, "twins")
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "does not answer" in done.stdout
    assert not (tmp_path / "twins.json").exists()


def running_soak(service, folder):
    """A set in the midst of its load, and its Locust."""
    arguments = [*command(service, folder, "soak"), "--duration", "600"]
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not service.given:
        assert process.poll() is None
        time.sleep(0.05)
    (child,) = psutil.Process(process.pid).children()
    return process, child


def test_a_set_that_is_ended_leaves_no_process(tmp_path):
    with FakeService() as service:
        process, child = running_soak(service, tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not child.is_running()


def test_a_set_that_is_killed_leaves_no_process(tmp_path):
    with FakeService() as service:
        process, child = running_soak(service, tmp_path)
        process.kill()
        process.wait(60)
        psutil.wait_procs([child], timeout=60)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE  # where no init takes in orphans


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rate", "0"), "--rate 0.0: must be a number above 0."),
        (("--host", "nowhere"), "--host nowhere: give scheme and address"),
        (("--processes", "2"), "count in one process"),
        (("--users", "0"), "argument -u/--users: 0: The scenario decides that: see --max-users"),
        (("--run-time", "3s"), "argument -t/--run-time: 3s: The scenario decides that"),
        (("nope",), "nope: There is one kind of user; what it does is chosen with --scenario."),
    ],
)
def test_a_wrong_option_ends_the_set_at_once(options, said, tmp_path):
    arguments = [sys.executable, "-m", "loadtests", "--out", str(tmp_path / "out"), *options]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 2, told
    assert told.count(said) == 1
    assert not (tmp_path / "out" / "summary.svg").exists()  # it did not go on


@pytest.mark.parametrize("words", [("--processes", "2"), ("--processes=-1",), ("--master",), ("--worker",)])
def test_locust_starts_no_processes_and_waits_for_none(words):
    arguments = [sys.executable, "-m", "locust", "-f", "loadtests/", "--headless", "--loglevel", "DEBUG", *words]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 2
    assert f"argument {words[0].partition('=')[0]}: " in told
    assert ": These scenarios count in one process" in told
    for late in ("Started child", "Starting Locust", "Failed to connect to master"):
        assert late not in told


def test_a_picture_of_nothing(tmp_path):
    draw({}, tmp_path / "empty.svg")
    assert (tmp_path / "empty.svg").read_text(encoding="utf-8").startswith("<?xml")
