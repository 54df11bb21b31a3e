"""groupnl.server.logs: what goes into the file, what is said, and that nothing in it steers a terminal."""

import logging
from pathlib import Path

import pytest

from groupnl.server import logs
from groupnl.server.logs import logging_to, rolling_file

HOSTILE = "\x1b[2J\r\x07\x9b\u2028ä"
OURS = logging.getLogger("groupnl.server.pool")
THEIRS = logging.getLogger("a.library")


def test_warnings_are_said_and_all_is_in_the_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    with logging_to(tmp_path, said.append) as file:
        OURS.info("quiet")
        OURS.warning("loud")
        THEIRS.setLevel(logging.INFO)  # as a library may do
        THEIRS.info("nothing")
        THEIRS.warning("%s", HOSTILE)
    OURS.info("too late")
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [line.split("] ")[1] for line in lines] == ["quiet", "loud", "\\x1b[2J\\r\\x07\\x9b\\u2028ä"]
    assert [line.split("] ")[1] for line in said] == ["loud"]
    assert capfd.readouterr() == ("", "")


def test_what_an_exception_says_cannot_steer_a_terminal(tmp_path: Path) -> None:
    said: list[str] = []
    with logging_to(tmp_path, said.append) as file:
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            OURS.exception("it failed")
    text = file.read_text(encoding="utf-8")
    assert "ValueError: \\x1b[2J\\r\\x07\\x9b\\u2028ä" in text
    assert all(sign == "\n" or sign.isprintable() for sign in text)
    assert [line.split("] ")[1] for line in said] == ["it failed"]


def test_logs_roll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_MOST_BYTES", 100)
    handler = rolling_file(tmp_path / "some.log")
    for number in range(100):
        handler.handle(logging.makeLogRecord({"msg": f"{number:40}"}))
    handler.close()
    assert len(list(tmp_path.iterdir())) == 6
    assert all(file.stat().st_size <= 100 for file in tmp_path.iterdir())


def test_a_disk_that_takes_no_more_costs_lines_alone(capfd: pytest.CaptureFixture[str]) -> None:
    handler = rolling_file(Path("/dev/full"))
    handler.handle(logging.makeLogRecord({"msg": "lost"}))
    handler.close()
    assert capfd.readouterr() == ("", "")
