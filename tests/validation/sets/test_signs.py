"""groupnl validate --set gtsrb: pixmaps that a table gives their classes."""

from pathlib import Path

import pytest
from PIL import Image
from support.colours import COLOURS, colour_checkpoint
from support.validation_runs import read, validate

from groupnl.errors import ConfigError
from groupnl.validation.pixels import pixmap
from groupnl.validation.sets.signs import signs

HEAD = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"


def benchmark(root: Path, classes: list[int], colours: list[str]) -> Path:
    """As it is published: images in a folder far below, the table of their classes above."""
    images = root / "GTSRB" / "Final_Test" / "Images"
    images.mkdir(parents=True)
    for number, colour in enumerate(colours):
        Image.new("RGB", (40 + number, 50), COLOURS[colour]).save(images / f"{number:05}.ppm")
    rows = [f"{number:05}.ppm;40;50;5;5;35;45;{label}" for number, label in enumerate(classes)]
    (root / "GT-final_test.csv").write_text("\r\n".join([HEAD, *rows, ""]))
    without = [HEAD.rsplit(";", 1)[0], *(row.rsplit(";", 1)[0] for row in rows)]
    (images / "GT-final_test.test.csv").write_text("\n".join(without))
    return root


def test_pixmaps_are_of_the_classes_of_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = benchmark(tmp_path / "gtsrb", [0, 1, 4, 5], ["blue", "cyan", "red", "red"])
    assert validate(colour_checkpoint(tmp_path), tmp_path / "out", "--set", "gtsrb", root) == 0
    assert (read(tmp_path / "out")["clean_top1"], read(tmp_path / "out")["clean_of"]["clean_set"]) == (0.75, "gtsrb")
    assert "GTSRB has 12630 images, and here are 4; 43 classes, and here 6 classes" in capsys.readouterr().out


def test_images_and_table_may_lie_together_and_networks_may_count_their_classes(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "00000.png")
    (tmp_path / "Test.csv").write_text(f"{HEAD}\n00000.png;20;20;1;1;19;19;10\n")
    (image,) = signs([tmp_path], ("1", "10", "2"), 3).find()
    assert (image.key, image.truth) == ("00000.png", 1)


def test_a_table_with_a_mark_and_what_is_hidden_beside_it(tmp_path: Path) -> None:
    root = benchmark(tmp_path / "gtsrb", [3, 1], ["blue", "cyan"])
    table, images = root / "GT-final_test.csv", root / "GTSRB" / "Final_Test" / "Images"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())  # as spreadsheets save it
    for hidden in (root / "._GT-final_test.csv", images / "._00000.ppm"):  # of a Mac
        hidden.write_bytes(b"\x00\x05\x16\x07\xff")
    found = signs([root], None, 43).find()
    assert [(image.key, image.truth) for image in found] == [("00000.ppm", 3), ("00001.ppm", 1)]
    table.write_bytes(table.read_bytes() + b"0" * 9000 + b"\xff;")
    with pytest.raises(ConfigError, match=r"GT-final_test\.csv cannot be read as a table: .*utf-8"):
        signs([root], None, 43).find()


def test_classes_that_are_only_counted_are_taken_by_their_place_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = benchmark(tmp_path / "gtsrb", [0, 1], ["blue", "cyan"])
    sentence = (
        "GTSRB counts its classes and does not name them: the network's are taken in their order, 'blue' for the set's "
        "first; of other classes the figures mean nothing"
    )
    (tmp_path / "other").mkdir()
    named = colour_checkpoint(tmp_path)
    numbered = colour_checkpoint(tmp_path / "other", [f"{place:05}" for place in range(6)])
    assert validate(named, tmp_path / "out", "--set", "gtsrb", root) == 0
    assert f"{sentence}\n" in capsys.readouterr().err
    assert f"{sentence}." in read(tmp_path / "out")["notes"]
    record = tmp_path / "out" / "counts.json"
    record.write_text(record.read_text().replace('"blue"', "null"))  # as an earlier version wrote it
    assert validate(named, tmp_path / "out", "--set", "gtsrb", root) == 0
    capsys.readouterr()
    assert validate(numbered, tmp_path / "other" / "out", "--set", "gtsrb", root) == 0
    assert "counts its classes" not in capsys.readouterr().err
    assert not any("counts its classes" in note for note in read(tmp_path / "other" / "out")["notes"])


def test_what_is_not_as_published_is_refused(tmp_path: Path) -> None:
    root = benchmark(tmp_path / "gtsrb", [0, 1, 4], ["blue", "cyan", "red"])
    images, table = root / "GTSRB" / "Final_Test" / "Images", root / "GT-final_test.csv"
    (images / "00003.ppm").write_bytes(b"more")
    with pytest.raises(ConfigError, match=r"holds 00003\.ppm, whose class .*GT-final_test\.csv does not say"):
        signs([root], None, 43).find()
    (images / "00003.ppm").unlink()
    (images / "00001.ppm").unlink()
    with pytest.raises(ConfigError, match=r"Images lacks 00001\.ppm, which .*GT-final_test\.csv names"):
        signs([root], None, 43).find()
    with pytest.raises(ConfigError, match=r"00002\.ppm is of class '4', and the network has no such class: .* 0 to 2"):
        signs([root], None, 3).find()
    text = table.read_text()
    table.write_text(text.replace("00002", "00000"))
    with pytest.raises(ConfigError, match=r"00000\.ppm stands twice"):
        signs([root], None, 43).find()
    (root / "other.csv").write_text(text)
    with pytest.raises(ConfigError, match=r"there is several: "):
        signs([root], None, 43)
    (root / "other.csv").unlink()
    table.write_text(text.replace(";", ","))
    with pytest.raises(ConfigError, match=r"separated by semicolons.* there is none"):
        signs([root], None, 43)


def test_damaged_pixmaps_are_told() -> None:
    with pytest.raises(ConfigError, match="the pixmap is cut short or damaged"):
        pixmap(b"P6\n4 4\n255\n" + bytes(3))
    with pytest.raises(ConfigError, match="the pixmap is cut short or damaged"):
        pixmap(b"P6 nonsense")
    assert pixmap(b"P6\n1 1\n255\n\x01\x02\x03").getpixel((0, 0)) == (1, 2, 3)
