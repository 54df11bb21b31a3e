"""groupnl.server.torchserve.console: what is shown, and which lines mean that a start has failed."""

import importlib.resources
from pathlib import Path

import pytest

import handlers.classifier
from groupnl.server.torchserve.console import CANNOT_LOAD, Console

LINES = [
    "WARNING: something of Java's\n",
    "07:28:25 [DEBUG] WorkerThread W-9000-tiny_1.0 State change null -> WORKER_STARTED\n",
    "07:28:25 [INFO ] MODEL_LOG groupnl: cannot load model tiny: no such device\n",
    "07:28:26 [WARN ] BatchAggregator Load model failed: tiny, error: Worker died.\n",
    "07:28:26 [DEBUG] WorkerThread W-9000-tiny_1.0 State change WORKER_STARTED -> WORKER_STOPPED\n",
    "07:28:27 [INFO ] MODEL_LOG groupnl: cannot load model tiny: a second try\n",
]


def test_warnings_are_shown_and_failures_noted(tmp_path: Path) -> None:
    shown: list[str] = []
    console = Console(tmp_path / "console.log", shown.append)
    console.listen(LINES)
    console.close()

    assert shown == [LINES[3].rstrip()]
    assert console.refusal == "cannot load model tiny: no such device"
    assert console.stopped_worker == "tiny_1.0"
    assert (tmp_path / "console.log").read_text() == "".join(LINES)
    assert console.tail().endswith("a second try")


def test_a_good_start_has_no_failure(tmp_path: Path) -> None:
    console = Console(tmp_path / "console.log", print)
    console.listen(LINES[:2])
    console.close()
    assert (console.refusal, console.stopped_worker) == (None, None)


def test_lines_are_read_on_when_nobody_listens(tmp_path: Path) -> None:
    def broken(line: str) -> None:
        raise BrokenPipeError(line)

    console = Console(tmp_path / "console.log", broken)
    console.listen(LINES)
    console.close()
    assert console.stopped_worker == "tiny_1.0"


def test_lines_are_read_on_when_the_disk_is_full() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has /dev/full")
    shown: list[str] = []
    console = Console(Path("/dev/full"), shown.append)
    console.listen(LINES)
    console.close()
    assert console.stopped_worker == "tiny_1.0"
    assert shown == [
        "/dev/full cannot be written: No space left on device; lines of the log are lost",
        LINES[3].rstrip(),
    ]


def test_the_handler_and_the_log_say_the_words_that_are_looked_for():
    log = importlib.resources.files("groupnl.server.torchserve").joinpath("log4j2.xml").read_text(encoding="utf-8")
    handler = Path(handlers.classifier.__file__).read_text(encoding="utf-8")
    assert f"|{CANNOT_LOAD})" in log
    assert f'logger.error("{CANNOT_LOAD} %s: %s"' in handler
