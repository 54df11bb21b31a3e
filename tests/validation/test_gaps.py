"""Classes without images are told: on stderr before anything is measured, in the record and in the figures."""

import json
from pathlib import Path

import pytest
from support.colours import NAMES, colour_checkpoint, solid
from support.validation_runs import read, validate

from groupnl.corruptions import Cell
from groupnl.validation.gaps import gaps


def test_sets_that_lack_the_same_are_told_together() -> None:
    fog = {Cell("fog", severity): ["a"] for severity in range(1, 6)}
    assert gaps({None: [], **dict.fromkeys(fog, ())}, 3) == []
    assert gaps({None: ["a"], **fog}, 3) == ["the images are of 2 of the 3 classes: none is of a"]
    assert gaps({None: ["a", "b"], **fog, Cell("snow", 1): ["a"]}, 3) == [
        "the images of clean are of only one of the 3 classes: none is of a, b",
        "the images of fog 1, fog 2, fog 3, fog 4, fog 5 and 1 more are of 2 of the 3 classes: none is of a",
    ]


def test_validate_measures_a_part_of_the_classes_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, data, output = colour_checkpoint(tmp_path), tmp_path / "data", tmp_path / "out"
    solid(data, {"red": ["red"], "blue": ["blue", "red"]})
    assert validate(checkpoint, output, "--data", data) == 0
    sentence = "he images are of 2 of the 6 classes: none is of cyan, green, grey, yellow"
    assert f"t{sentence}\n" in capsys.readouterr().err
    assert json.loads((output / "counts.json").read_text())["clean"]["missing"] == ["cyan", "green", "grey", "yellow"]
    found = read(output)
    assert (found["clean_top1"], found["notes"]) == (pytest.approx(2 / 3), [f"T{sentence}."])


def test_validate_says_nothing_where_all_classes_have_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, data = colour_checkpoint(tmp_path), tmp_path / "data"
    solid(data, {name: [name] for name in NAMES})
    assert validate(checkpoint, tmp_path / "out", "--data", data) == 0
    assert "classes" not in capsys.readouterr().err
    assert read(tmp_path / "out")["notes"] == []


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("blue/dark/0.JPEG", "class folder {data}/blue holds a folder dark: its images must lie right in it"),
        ("thumbnails/0.JPEG", "there is a folder {data}/thumbnails, but the network has no such class"),
        ("0.JPEG", "{data} holds 0.JPEG outside of any class folder"),
    ],
)
def test_validate_names_what_is_astray(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, sentence: str
) -> None:
    checkpoint, data = colour_checkpoint(tmp_path), tmp_path / "data"
    solid(data, {"red": ["red"], "blue": ["blue"]})
    (data / place).parent.mkdir(exist_ok=True)
    (data / "red" / "0.JPEG").rename(data / place)
    assert validate(checkpoint, tmp_path / "out", "--data", data) == 1
    assert sentence.format(data=data) in capsys.readouterr().err
