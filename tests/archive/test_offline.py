"""groupnl archive --robustness: the record goes in as it is, if it is of these weights and whole."""

import zipfile
from pathlib import Path

import pytest
from support.offline_record import offline_record
from support.tiny import tiny_checkpoint

from groupnl.base.files import sha256_of
from groupnl.cli import main
from groupnl.corruptions.names import CELLS, Cell
from groupnl.robustness import record as robustness_record
from groupnl.robustness.record import ROBUSTNESS_FILE, RobustnessRecord, read_record, write_record


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path)


@pytest.fixture
def record(checkpoint: Path) -> RobustnessRecord:
    return offline_record(lambda cell: (cell.severity, 5), weights_sha256=sha256_of(checkpoint))


def _archive(checkpoint: Path, record: RobustnessRecord) -> int:
    file = checkpoint.with_suffix(".robustness.json")
    write_record(record, file)
    words = [
        "archive",
        str(checkpoint),
        "--model-name",
        "tiny",
        "--engine",
        "eager",
        "--output",
        str(checkpoint.parent),
    ]
    return main([*words, "--robustness", str(file)])


def test_into_the_archive(checkpoint: Path, record: RobustnessRecord) -> None:
    assert _archive(checkpoint, record) == 0
    with zipfile.ZipFile(checkpoint.with_name("tiny.mar")) as file:
        file.extract(ROBUSTNESS_FILE, checkpoint.parent)
    assert read_record(checkpoint.with_name(ROBUSTNESS_FILE)) == record


def test_measured_before_a_corruption_was_added(
    checkpoint: Path, record: RobustnessRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(robustness_record, "CELLS", (*CELLS, *(Cell("rain", severity) for severity in range(1, 6))))
    assert _archive(checkpoint, record) == 0


def test_of_other_weights(checkpoint: Path, record: RobustnessRecord, capsys: pytest.CaptureFixture[str]) -> None:
    assert _archive(checkpoint, record.model_copy(update={"weights_sha256": "0" * 64})) == 1
    assert "is of weights with SHA-256 0000" in capsys.readouterr().err
    assert not checkpoint.with_name("tiny.mar").exists()


def test_not_finished(checkpoint: Path, record: RobustnessRecord, capsys: pytest.CaptureFixture[str]) -> None:
    assert _archive(checkpoint, record.model_copy(update={"cells": record.cells[:-3]})) == 1
    assert "lacks 3 cells" in capsys.readouterr().err
