"""Speeds are written into an archive: only into the one that was measured, and into no link to it."""

from pathlib import Path

import pytest
from support.tiny import tiny_checkpoint

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.archive.read import unpack
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.replace import replace_speeds
from groupnl.archive.speed.speeds import Plan, Speed, Speeds, read_speeds
from groupnl.cli import main

EACH = (Speed(engine="eager", precision="float32", full=3.0, beside=2.0, alone=1.0),)
SPEEDS = Speeds(machine=Machine.here(), plan=Plan(workers=2, batch_size=8, threads=None), speeds=EACH)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return pack(tiny_checkpoint(tmp_path), tmp_path, "tiny", settings=ServingSettings(handler={"engine": "eager"}))


def test_a_link_to_an_archive_stays_one(archive: Path, tmp_path: Path) -> None:
    link = tmp_path / "current.mar"
    link.symlink_to(archive)
    replace_speeds(link, SPEEDS)
    assert link.is_symlink()
    unpack(archive, tmp_path / "unpacked")
    assert read_speeds(tmp_path / "unpacked") == SPEEDS


def test_an_archive_that_was_replaced_meanwhile_keeps_what_it_has(
    archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_: Path) -> Speeds:
        archive.write_bytes(b"another")
        return SPEEDS

    monkeypatch.setattr("groupnl.archive.speed.command.measure", measure)
    assert main(["engines", str(archive), "--write"]) == 1
    assert "was replaced while its engines were timed" in capsys.readouterr().err
    assert archive.read_bytes() == b"another"
