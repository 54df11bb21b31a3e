"""groupnl.card.class_names: names in a file, and those of ImageNets."""

from pathlib import Path

import pytest

from groupnl.card.class_names import read_class_names
from groupnl.card.imagenet import LARGER, imagenet_classes
from groupnl.errors import ConfigError


def test_a_line_is_a_name_whatever_its_letters(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes("\ufeffb\u00e4r\r\n\n two\u2028parts\n\u72d7".encode())
    assert read_class_names(str(tmp_path / "names.txt")) == ("b\u00e4r", "two\u2028parts", "\u72d7")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot read the class names in"):
        read_class_names(str(tmp_path / "names.txt"))


@pytest.mark.parametrize(("name", "count"), LARGER.items())
def test_imagenets_are_known_by_name(name: str, count: int) -> None:
    names = read_class_names(name)
    assert len(set(names)) == len(names) == count
    assert sum("(n0" in each or "(n1" in each for each in names) < count / 5


def test_names_of_a_larger_set_are_those_of_the_small_one_but_for_what_stands_twice() -> None:
    larger = set(read_class_names("imagenet-22k"))
    assert sum(name in larger for name in imagenet_classes()) > 800
    assert read_class_names("imagenet") == imagenet_classes()
