"""groupnl study live-vs-offline, whole: measured, packed, served, replayed, compared."""

import csv
from pathlib import Path

import pytest
from PIL import Image
from support.pictures import scene
from support.tiny import CLASSES, tiny_checkpoint

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.cli import main

PASSES = 3


@pytest.fixture
def data(tmp_path: Path) -> Path:
    picture = Image.fromarray(scene())
    for number in range(14):
        path = tmp_path / "data" / "test" / CLASSES[number % len(CLASSES)] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.rotate(25 * number).save(path)
    return tmp_path / "data"


def test_every_image_is_answered_again_and_compared(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    splits = ["--data", str(data), "--splits", "test", "--precision", "float32", "--device", "cpu", "--threads", "1"]
    assert main(["robustness", str(checkpoint), *splits]) == 0
    record = tmp_path / "tiny.robustness.json"
    for name, shadow in (("tiny", {"twin": "twin"}), ("twin", {})):
        handler = {"device": "cpu", "precision": "float32", "shadow": shadow}
        pack(checkpoint, tmp_path, name, settings=ServingSettings(workers=1, handler=handler), robustness=record)
    store = ["--model-store", str(tmp_path), "--models", "tiny", "twin"]
    output = tmp_path / "out"
    words = ["study", "live-vs-offline", "--only", "live", *store, "--data", str(data), "--passes", str(PASSES)]
    assert main([*words, "--output", str(output)]) == 0
    with (output / "live-vs-offline.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for model in ("tiny", "twin"):
        answers = {
            figure: sum(int(row["answered"]) for row in rows if (row["model"], row["figure"]) == (model, figure))
            for figure in ("agreement", "labelled accuracy")
        }
        assert answers == {"agreement": PASSES * 14, "labelled accuracy": PASSES * 14}
    assert (output / "live-vs-offline.svg").stat().st_size > 10_000
    printed = capsys.readouterr().out
    clean = [line for line in printed.splitlines() if "clean accuracy live" in line]
    for line in clean:  # the same images, the same engine
        live, offline = (word.strip(".,") for word in line.split() if word[0] == "0")
        assert live[:5] == offline[:5], line
    assert len(clean) == 2
    # A model and its equal hold and flip together.
    assert f"| all | {PASSES * 14} | 0 | 0 | +0.000 | +0.000 | undecided |" in printed
