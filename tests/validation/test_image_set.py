"""groupnl.validation.image_set: labels by name, random parts, and what tells sets apart."""

from pathlib import Path

import pytest
from support.colours import NAMES, solid

from groupnl.card.imagenet import imagenet_synsets
from groupnl.errors import ConfigError
from groupnl.validation.image_set import ImageChoice, class_positions, image_set, is_imagenet
from groupnl.validation.sets.images import ClassFolders

ALL = ImageChoice(None, 0)


def folders(*names: str) -> list[Path]:
    return [Path("val") / name for name in names]


def test_imagenets_synsets_have_its_order_whichever_are_there() -> None:
    synsets = imagenet_synsets()
    assert list(synsets) == sorted(synsets)
    assert (synsets[0], len(synsets)) == ("n01440764", 1000)
    names = ["n15075141", "n01443537"]
    assert is_imagenet(names, 1000)
    assert not is_imagenet(names, 2)
    assert not is_imagenet([], 1000)
    # Also where the checkpoint calls its classes by words.
    positions = class_positions(folders(*names), [f"word {number}" for number in range(1000)], 1000)
    assert [positions[name] for name in names] == [999, 1]


def test_the_checkpoints_order_comes_before_the_sorted_names() -> None:
    assert class_positions(folders("b", "a"), ("b", "c", "a"), 3) == {"b": 0, "c": 1, "a": 2}
    assert class_positions(folders("c", "b", "9"), None, 3) == {"9": 0, "b": 1, "c": 2}
    assert class_positions(folders("10", "9"), ("b", "9", "10"), 3) == {"b": 0, "9": 1, "10": 2}
    with pytest.raises(ConfigError, match="there is a folder val/d, but the network has no such class: remove it"):
        class_positions(folders("a", "d"), ("a", "b"), 2)
    with pytest.raises(ConfigError, match="there are 2 class folders for 3 classes"):
        class_positions(folders("a", "b"), None, 3)


@pytest.mark.parametrize("names", [{"10", "9", "b"}, {"ant", "Bee"}])
def test_folders_that_programs_sort_differently_need_their_order(names: set[str]) -> None:
    with pytest.raises(ConfigError, match=r"which class comes first, .* is not known: .*--classes FILE"):
        class_positions(folders(*names), None, len(names))


def test_synsets_that_are_the_networks_names_have_its_order() -> None:
    shuffled = imagenet_synsets()[::-1]
    assert class_positions(folders(*shuffled[:2]), shuffled, 1000)[shuffled[0]] == 0


def test_a_set_is_told_by_names_labels_and_lengths(tmp_path: Path) -> None:
    positions = {name: place for place, name in enumerate(NAMES)}
    solid(tmp_path / "a", {"red": ["red", "green"], "blue": ["blue"]})
    solid(tmp_path / "b", {"red": ["red", "green"], "blue": ["blue"]})
    first, same = (image_set(ClassFolders((tmp_path / name,)), positions, 6, ALL) for name in "ab")
    assert (first.images, first.sha256) == (3, same.sha256)
    assert [image.labels for image in first.list()] == [(0,), (4,), (4,)]
    others = [
        image_set(ClassFolders((tmp_path / "a",)), positions | {"red": 5}, 6, ALL),
        image_set(ClassFolders((tmp_path / "a",)), positions, 6, ImageChoice(2, 0)),
    ]
    (tmp_path / "b" / "red" / "0.JPEG").write_bytes(b"shorter")
    others.append(image_set(ClassFolders((tmp_path / "b",)), positions, 6, ALL))
    assert len({first.sha256, *(other.sha256 for other in others)}) == 4


def test_images_that_change_after_they_were_looked_through_are_not_counted_as_those(tmp_path: Path) -> None:
    solid(tmp_path, {"red": ["red", "green"], "blue": ["blue"]})
    first = image_set(ClassFolders((tmp_path,)), {name: place for place, name in enumerate(NAMES)}, 6, ALL)
    (tmp_path / "red" / "1.JPEG").rename(tmp_path / "blue" / "1.JPEG")
    with pytest.raises(
        ConfigError, match=r"added, removed or changed after .* of 3, of which blue/0\.JPEG in .*repeat"
    ):
        first.list()


def test_a_random_part_is_the_same_in_sets_of_equal_names(tmp_path: Path) -> None:
    positions = {name: place for place, name in enumerate(NAMES)}
    for name in "ab":
        solid(tmp_path / name, {colour: [colour] * 4 for colour in NAMES})
    parts = [
        [image.key for image in image_set(ClassFolders((tmp_path / name,)), positions, 6, ImageChoice(5, 1)).list()]
        for name in "ab"
    ]
    assert parts[0] == parts[1]
    assert len(parts[0]) == 5
    other = [image.key for image in image_set(ClassFolders((tmp_path / "a",)), positions, 6, ImageChoice(5, 2)).list()]
    assert other != parts[0]


def test_the_stray_folder_is_blamed_and_not_a_synset() -> None:
    words = [f"word {number}" for number in range(1000)]
    synsets = imagenet_synsets()
    for classes in (words, None):
        for known in (synsets, synsets[5:7]):
            with pytest.raises(
                ConfigError, match="there is a folder val/thumbnails, but the network has no such class"
            ):
                class_positions(folders(*known, "thumbnails"), classes, 1000)
    with pytest.raises(ConfigError, match="there is a folder val/n01440764, but"):
        class_positions(folders("word 3", "word 5", "n01440764"), words, 1000)


def test_classes_without_images_are_known(tmp_path: Path) -> None:
    positions = {name: place for place, name in enumerate(NAMES)}
    solid(tmp_path, {"red": ["red", "green"], "grey": [], "blue": ["blue"]})
    for choice in (ALL, ImageChoice(1, 0)):
        assert image_set(ClassFolders((tmp_path,)), positions, 6, choice).missing == ("cyan", "green", "grey", "yellow")
    solid(tmp_path, {name: [name] for name in NAMES})
    assert image_set(ClassFolders((tmp_path,)), positions, 6, ALL).missing == ()


def test_every_folder_is_a_class_with_images_or_without(tmp_path: Path) -> None:
    solid(tmp_path, {"red": ["red"], "purple": []})
    with pytest.raises(ConfigError, match=r"there is a folder .*/purple, but the network has no such class"):
        image_set(ClassFolders((tmp_path,)), {"red": 0}, 6, ALL)
