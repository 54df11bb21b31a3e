"""groupnl.validation.image_set: labels by name, random parts, and what tells sets apart."""

from pathlib import Path

import pytest
from support.colours import NAMES, solid

from groupnl.card.imagenet import imagenet_synsets
from groupnl.errors import ConfigError
from groupnl.validation.image_set import ImageChoice, class_positions, image_set, is_imagenet

ALL = ImageChoice(None, 0)


def test_imagenets_synsets_have_its_order_whichever_are_there() -> None:
    synsets = imagenet_synsets()
    assert list(synsets) == sorted(synsets)
    assert (synsets[0], len(synsets)) == ("n01440764", 1000)
    names = ["n15075141", "n01443537"]
    assert is_imagenet(names, 1000)
    assert not is_imagenet(names, 2)
    assert not is_imagenet([], 1000)
    # Also where the checkpoint calls its classes by words.
    positions = class_positions(names, [f"word {number}" for number in range(1000)], 1000)
    assert [positions[name] for name in names] == [999, 1]


def test_the_checkpoints_order_comes_before_the_sorted_names() -> None:
    assert class_positions({"b", "a"}, ("b", "c", "a"), 3) == {"b": 0, "c": 1, "a": 2}
    assert class_positions({"c", "b", "9"}, None, 3) == {"9": 0, "b": 1, "c": 2}
    assert class_positions({"10", "9"}, ("b", "9", "10"), 3) == {"b": 0, "9": 1, "10": 2}
    with pytest.raises(ConfigError, match="there is a folder d, but the network has no such class"):
        class_positions({"a", "d"}, ("a", "b"), 2)
    with pytest.raises(ConfigError, match="there are 2 class folders for 3 classes"):
        class_positions({"a", "b"}, None, 3)


@pytest.mark.parametrize("names", [{"10", "9", "b"}, {"ant", "Bee"}])
def test_folders_that_programs_sort_differently_need_their_order(names: set[str]) -> None:
    with pytest.raises(ConfigError, match=r"which class comes first, .* is not known: .*--classes FILE"):
        class_positions(names, None, len(names))


def test_synsets_that_are_the_networks_names_have_its_order() -> None:
    shuffled = imagenet_synsets()[::-1]
    assert class_positions(shuffled[:2], shuffled, 1000)[shuffled[0]] == 0


def test_a_set_is_told_by_names_labels_and_lengths(tmp_path: Path) -> None:
    positions = {name: place for place, name in enumerate(NAMES)}
    solid(tmp_path / "a", {"red": ["red", "green"], "blue": ["blue"]})
    solid(tmp_path / "b", {"red": ["red", "green"], "blue": ["blue"]})
    first, same = (image_set([tmp_path / name], positions, 6, ALL) for name in "ab")
    assert (first.images, first.sha256) == (3, same.sha256)
    assert [image.label for image in first.list()] == [0, 4, 4]
    others = [
        image_set([tmp_path / "a"], positions | {"red": 5}, 6, ALL),
        image_set([tmp_path / "a"], positions, 6, ImageChoice(2, 0)),
    ]
    (tmp_path / "b" / "red" / "0.JPEG").write_bytes(b"shorter")
    others.append(image_set([tmp_path / "b"], positions, 6, ALL))
    assert len({first.sha256, *(other.sha256 for other in others)}) == 4


def test_a_random_part_is_the_same_in_sets_of_equal_names(tmp_path: Path) -> None:
    positions = {name: place for place, name in enumerate(NAMES)}
    for name in "ab":
        solid(tmp_path / name, {colour: [colour] * 4 for colour in NAMES})
    parts = [
        [image.key for image in image_set([tmp_path / name], positions, 6, ImageChoice(5, 1)).list()] for name in "ab"
    ]
    assert parts[0] == parts[1]
    assert len(parts[0]) == 5
    other = [image.key for image in image_set([tmp_path / "a"], positions, 6, ImageChoice(5, 2)).list()]
    assert other != parts[0]
