"""groupnl study live-vs-offline --only estimates: answered, judged, written, printed."""

import csv
from pathlib import Path

import pytest
from PIL import Image
from support.pictures import scene
from support.tiny import CLASSES, tiny_checkpoint

from groupnl.cli import main
from groupnl.corruptions.names import CELLS
from groupnl_studies.live_vs_offline.estimators import ESTIMATORS


def test_every_estimate_of_every_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(8):
        path = tmp_path / "data" / "test" / CLASSES[number % len(CLASSES)] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene()).rotate(40 * number).save(path)
    words = ["--checkpoints", str(tiny_checkpoint(tmp_path)), "--data", str(tmp_path / "data"), "--splits", "test"]
    words += ["--images", "8", "--divisions", "2", "--output", str(tmp_path)]
    assert main(["study", "live-vs-offline", "--only", "estimates", *words]) == 0
    with (tmp_path / "estimates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(CELLS) * len(ESTIMATORS)
    assert all(0 <= float(row["estimate"]) <= 1 for row in rows)
    printed = capsys.readouterr().out
    assert "| clean posterior |" in printed
    assert "| tiny | under-exposed |" in printed
