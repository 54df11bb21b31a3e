"""groupnl.validation.found: the same images from folders, tars and shards; what cannot be used."""

import io
import tarfile
from pathlib import Path

import pytest

from groupnl.errors import ConfigError
from groupnl.validation.found import class_places, find_images, loose_images

FILES = {"bird/2.JPEG": b"two", "bird/10.JPEG": b"ten!", "ant/1.JPEG": b"one"}


def folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def test_a_folder_and_a_tar_of_it_hold_the_same_images(tmp_path: Path) -> None:
    in_folder = find_images([folder(tmp_path / "data", FILES)])
    in_tar = find_images([tar(tmp_path / "data.tar", {f"./{name}": content for name, content in FILES.items()})])
    for found in (in_folder, in_tar):
        assert [(image.key, image.truth, image.extent.read()) for image in found] == [
            ("ant/1.JPEG", "ant", b"one"),
            ("bird/10.JPEG", "bird", b"ten!"),
            ("bird/2.JPEG", "bird", b"two"),
        ]


def test_several_folders_are_told_apart_by_their_names(tmp_path: Path) -> None:
    parts = [folder(tmp_path / name, {"ant/1.JPEG": name.encode()}) for name in ("new", "old")]
    assert [(image.key, image.extent.read()) for image in find_images(parts)] == [
        ("new/ant/1.JPEG", b"new"),
        ("old/ant/1.JPEG", b"old"),
    ]


def test_shards_give_numbers(tmp_path: Path) -> None:
    first = {"a0.jpg": b"first", "a0.cls": b"3", "a0.json": b"{}", "b.1.png": b"second", "b.cls": b"7\n"}
    shards = [tar(tmp_path / "0.tar", first), tar(tmp_path / "1.tar", {"a0.cls": b"0", "a0.JPEG": b"third"})]
    found = find_images(shards[:1])
    assert [(image.key, image.truth) for image in found] == [("a0.jpg", 3)]
    assert [(image.key, image.truth) for image in find_images(shards)] == [("0.tar/a0.jpg", 3), ("1.tar/a0.JPEG", 0)]


def test_images_in_no_class_folder_are_found_where_they_are_asked_for(tmp_path: Path) -> None:
    files = {"2.JPEG": b"two", "10.jpeg": b"ten!", "read.me": b"", "._2.JPEG": b"a Mac's"}
    in_tar = {f"./{name}": content for name, content in files.items()}
    for place in (folder(tmp_path / "data", files), tar(tmp_path / "data.tar", in_tar)):
        found = loose_images(place)
        assert [(image.key, image.extent.read()) for image in found] == [("10.jpeg", b"ten!"), ("2.JPEG", b"two")]
    sorted_ = FILES | {"._2.JPEG": b"a Mac's"}
    for place in (folder(tmp_path / "classes", sorted_), tar(tmp_path / "classes.tar", sorted_)):
        assert (loose_images(place), len(find_images([place]))) == ([], 3)


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    hidden = {".DS_Store": b"", "ant/.part": b"", ".git/x": b""}
    assert len(find_images([folder(tmp_path / "data", FILES | hidden)])) == 3
    assert len(find_images([tar(tmp_path / "data.tar", FILES | hidden | {".cache/1.JPEG": b"x"})])) == 3


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere does not exist"):
        find_images([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="empty has no images"):
        find_images([tmp_path / "empty"])
    with pytest.raises(ConfigError, match=r"zipped\.tar is no uncompressed tar"):
        find_images([tar(tmp_path / "zipped.tar", FILES, "w:gz")])
    with pytest.raises(ConfigError, match=r"loose\.tar holds 1\.JPEG outside of any class folder"):
        find_images([tar(tmp_path / "loose.tar", {"1.JPEG": b"x"})])
    for place in (folder(tmp_path / "maps", {"ant/1.ppm": b"x"}), tar(tmp_path / "maps.tar", {"ant/1.ppm": b"x"})):
        with pytest.raises(ConfigError, match=rf"{place}/ant/1\.ppm is of a format that is not read"):
            find_images([place])
    with pytest.raises(ConfigError, match=r"the sample b has no class number in a member b\.cls"):
        find_images([tar(tmp_path / "torn.tar", {"a.jpg": b"x", "a.cls": b"1", "b.jpg": b"x"})])


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (
            ["ant/1.JPEG", "ant/dark/1.JPEG"],
            "class folder {place}/ant holds a folder dark: its images must lie right in it",
        ),
        (["val/ant/1.JPEG", "val/ant/x/y/1.JPEG"], "class folder {place}/val/ant holds a folder x: "),
    ],
)
def test_images_deeper_than_their_class_folder_are_refused(tmp_path: Path, members: list[str], sentence: str) -> None:
    place = tar(tmp_path / "data.tar", dict.fromkeys(members, b"x"))
    with pytest.raises(ConfigError, match=sentence.format(place=place)):
        find_images([place])


def test_class_folders_lie_in_one_folder_also_in_a_tar(tmp_path: Path) -> None:
    found = find_images([tar(tmp_path / "one.tar", {f"val/{name}": content for name, content in FILES.items()})])
    assert [(image.key, image.truth) for image in found][:2] == [
        ("val/ant/1.JPEG", "ant"),
        ("val/bird/10.JPEG", "bird"),
    ]
    place = tar(tmp_path / "two.tar", {"train/ant/1.JPEG": b"x", "val/ant/1.JPEG": b"x"})
    with pytest.raises(
        ConfigError, match=r"two\.tar has class folders in train and in val: they must lie in one folder"
    ):
        find_images([place])


def test_class_places_are_folders_with_images_or_without(tmp_path: Path) -> None:
    place = folder(tmp_path / "data", FILES)
    (place / "cat").mkdir()
    in_tar = tar(tmp_path / "data.tar", FILES)
    shard = tar(tmp_path / "0.tar", {"a.jpg": b"x", "a.cls": b"1"})
    assert class_places([place, in_tar, shard]) == [
        *(place / name for name in ("ant", "bird", "cat")),
        *(in_tar / name for name in ("ant", "bird")),
    ]


def test_images_of_a_tar_that_are_links_are_refused(tmp_path: Path) -> None:
    """They were passed over."""
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("red/a.png"))
        for name in ("red/notes", "red/b.png"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.LNKTYPE, "red/a.png"
            tar.addfile(link)
    with pytest.raises(ConfigError, match=r"the image .*x\.tar/red/b\.png is a link: pack files only"):
        find_images([tmp_path / "x.tar"])
