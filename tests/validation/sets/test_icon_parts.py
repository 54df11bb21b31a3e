"""groupnl validate --set icons-50-...: what the published script holds back, found by words in the names."""

from pathlib import Path

import pytest
from support.colours import colour_checkpoint, solid
from support.validation_runs import read, validate

from groupnl.errors import ConfigError
from groupnl.validation.sets.icon_parts import SUBTYPE
from groupnl.validation.sets.table import CLEAN

PARTS = {
    "icons-50-style": ["microsoft_a_0.png", "microsoft_b_2.png"],
    "icons-50-subtype": ["apple_duck_7.png", "google_wine_glass_0.png"],
    "icons-50-rendition": ["apple_c_2.png", "microsoft_b_2.png"],
}


@pytest.fixture
def icons(tmp_path: Path) -> Path:
    """Below a folder whose name would be in every part, were it looked at."""
    folder = tmp_path / "microsoft_2_duck"
    (folder / "red").mkdir(parents=True)
    (folder / "books").mkdir()
    for name in ("apple_a_0.png", *(file for part in PARTS.values() for file in part)):
        (folder / "red" / name).touch()
    return folder


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_what_its_words_say(name: str, icons: Path) -> None:
    part = CLEAN[name].open([icons], None, 50)
    assert [image.key for image in part.find()] == [f"red/{file}" for file in PARTS[name]]
    assert {image.truth for image in part.find()} == {"red"}
    assert [folder.name for folder in part.class_folders()] == ["books", "red"]


def test_a_class_may_be_a_part_as_a_whole(icons: Path) -> None:
    (icons / "books" / "apple_a_0.png").touch()
    assert "books/apple_a_0.png" in [image.key for image in CLEAN["icons-50-subtype"].open([icons], None, 50).find()]
    assert len(set(SUBTYPE)) == 50


def test_a_part_that_is_not_there_or_has_no_names_is_refused(tmp_path: Path) -> None:
    solid(tmp_path / "icons", {"red": ["red"]}, suffix=".png")
    with pytest.raises(ConfigError, match="icons holds none of the part's icons, whose names have 'microsoft' in them"):
        CLEAN["icons-50-style"].open([tmp_path / "icons"], None, 50).find()
    with pytest.raises(ConfigError, match=r"Icons-50\.npy: parts of Icons-50 go by the names of its files"):
        CLEAN["icons-50-style"].open([tmp_path / "Icons-50.npy"], None, 50)


def test_a_part_is_measured(tmp_path: Path) -> None:
    solid(tmp_path / "icons", {"red": ["red", "cyan", "red"]}, suffix=".png")
    for number, file in enumerate(sorted((tmp_path / "icons" / "red").iterdir())):
        file.rename(file.with_name(f"{'microsoft' if number else 'apple'}_{number}.png"))
    assert validate(colour_checkpoint(tmp_path), tmp_path / "out", "--set", "icons-50-style", tmp_path / "icons") == 0
    assert read(tmp_path / "out")["clean_top1"] == 0.5
