"""groupnl.images.folders: class folders to labels and pixels."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from support.tiny import INPUT

from groupnl.card.imagenet import imagenet_classes
from groupnl.errors import ConfigError
from groupnl.images.folders import (
    CALLED_IMAGES,
    LabelledFile,
    class_folders,
    image_files,
    labelled_files,
    lack,
    read_pixels,
    refuse_empty,
)

CLASSES = ("dog", "cat", "bird")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, colour in (("cat/b", (200, 0, 0)), ("cat/a", (0, 200, 0)), ("dog/z", (0, 0, 200))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 50), colour).save(tmp_path / f"{name}.png")
    (tmp_path / "notes.md").write_text("no image\n")
    return tmp_path


def test_labels_follow_the_classes_and_files_are_sorted(folder: Path) -> None:
    files = labelled_files(folder, CLASSES)
    assert [(file.path.name, file.label) for file in files] == [("a.png", 1), ("b.png", 1), ("z.png", 0)]
    pixels = read_pixels(files, INPUT)
    assert (pixels.shape, str(pixels.dtype)) == ((3, 3, 32, 32), "torch.uint8")
    assert pixels[:, :, 16, 16].tolist() == [[0, 200, 0], [200, 0, 0], [0, 0, 200]]


def test_imagenets_folders_may_be_called_by_their_synsets(folder: Path) -> None:
    classes = imagenet_classes()
    (folder / "cat").rename(folder / "n02123045")
    (folder / "dog").rename(folder / "beagle")
    files = labelled_files(folder, classes)
    assert [classes[file.label] for file in files] == ["beagle", "tabby", "tabby"]
    with pytest.raises(ConfigError, match="n02123045, but the network has no such class"):
        labelled_files(folder, classes[:999])


def test_what_cannot_be_used_is_told(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is a folder .*/cat, but the network has no such class"):
        labelled_files(folder, ("dog",))
    with pytest.raises(ConfigError, match="nowhere does not exist"):
        labelled_files(folder / "nowhere", CLASSES)
    (folder / "file").touch()
    with pytest.raises(ConfigError, match=r"file is no folder: name a folder"):
        labelled_files(folder / "file", CLASSES)
    with pytest.raises(ConfigError, match=r"cat holds a\.png outside of any class folder: move it"):
        labelled_files(folder / "cat", CLASSES)
    (folder / "empty" / "cat").mkdir(parents=True)
    (folder / "empty" / "cat" / ".DS_Store").write_bytes(b"")
    with pytest.raises(ConfigError, match="empty has no images"):
        labelled_files(folder / "empty", CLASSES)
    shutil.rmtree(folder / "empty")
    (folder / "cat" / "c.png").write_bytes(b"no image")
    with pytest.raises(ConfigError, match=r"c\.png cannot be used"):
        read_pixels(labelled_files(folder, CLASSES), INPUT)


def test_what_is_hidden_or_not_called_an_image_is_left_out(folder: Path) -> None:
    for name in ("cat/.DS_Store", "cat/Thumbs.db", "dog/._z.png", ".ipynb_checkpoints/a.png", "bird/read.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no image")
    assert [group.name for group in class_folders(folder)] == ["bird", "cat", "dog"]
    assert [file.name for file in image_files(folder / "cat")] == ["a.png", "b.png"]
    assert [file.path.name for file in labelled_files(folder, CLASSES)] == ["a.png", "b.png", "z.png"]


def test_an_image_of_a_format_that_is_not_read_is_not_passed_over(folder: Path) -> None:
    (folder / "cat" / "c.TIFF").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"cat/c\.TIFF is of a format that is not read.* to PNG"):
        labelled_files(folder, CLASSES)


@pytest.mark.parametrize(
    "ending", ["heic", "avif", "JXL", "jp2", "tga", "pbm", "ppm", "pnm", "dng", "svg", "gif", "ico"]
)
def test_other_formats_are_told_by_their_endings(folder: Path, ending: str) -> None:
    (folder / "cat" / f"c.{ending}").write_bytes(b"")
    with pytest.raises(ConfigError, match=rf"cat/c\.{ending} is of a format that is not read"):
        labelled_files(folder, CLASSES)


def test_the_page_lists_every_ending() -> None:
    page = (Path(__file__).parents[2] / "docs" / "validate.md").read_text(encoding="utf-8")
    assert [ending for ending in CALLED_IMAGES if f"`{ending}`" not in page] == []


def test_jpegs_have_other_endings_too(folder: Path) -> None:
    for name in ("c.jfif", "d.JPE"):
        Image.new("RGB", (40, 50), (0, 0, 9)).save(folder / "cat" / name, "JPEG")
    assert [file.path.name for file in labelled_files(folder, CLASSES)][2:] == ["c.jfif", "d.JPE", "z.png"]


@pytest.mark.parametrize("name", ["bird.tar", "bird.TAR.gz", "cat/more.zip", "bird.tgz"])
def test_an_archive_may_be_a_class_and_is_told(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    place = (folder / name).parent
    with pytest.raises(ConfigError, match=rf"{place} holds {Path(name).name}, which is no folder and no image: unpack"):
        labelled_files(folder, CLASSES)


def test_images_that_cannot_be_read_are_seen_without_opening_them(folder: Path) -> None:
    refuse_empty(folder.glob("*/*.png"))
    (folder / "cat" / "c.png").touch()
    with pytest.raises(ConfigError, match=r"the image .*/cat/c\.png is empty: mend it, or take it out"):
        refuse_empty(folder.glob("*/*.png"))
    with pytest.raises(ConfigError, match=r"the image .*/cat/gone\.png cannot be read"):
        refuse_empty([folder / "cat" / "gone.png"])


def test_a_folder_in_a_class_folder_is_named(folder: Path) -> None:
    (folder / "dog" / "more.png").mkdir()
    with pytest.raises(
        ConfigError, match=r"class folder .*/dog holds a folder more\.png: its images must lie right in it"
    ):
        labelled_files(folder, CLASSES)


def test_links_count_as_what_they_lead_to(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    Image.new("RGB", (8, 8)).save(elsewhere / "a b\u00e9.PNG")
    (folder / "bird").symlink_to(elsewhere)
    (folder / "dog" / "linked.jpeg").symlink_to(elsewhere / "a b\u00e9.PNG")
    names = [(file.path.name, file.label) for file in labelled_files(folder, CLASSES)]
    assert names == [("a b\u00e9.PNG", 2), ("a.png", 1), ("b.png", 1), ("linked.jpeg", 0), ("z.png", 0)]


@pytest.mark.parametrize("place", ["bird", "cat/c.png", "cat/c"])
def test_a_link_that_leads_nowhere_may_have_been_an_image(folder: Path, place: str) -> None:
    for target in ("gone", Path(place).name):  # the second leads to itself
        (folder / place).symlink_to(target)
        with pytest.raises(ConfigError, match=rf"{place} is a link that leads nowhere: mend it, or remove it"):
            labelled_files(folder, CLASSES)
        (folder / place).unlink()


def test_a_link_to_the_folder_itself_is_a_folder_of_folders(folder: Path) -> None:
    (folder / "bird").symlink_to(folder)
    with pytest.raises(ConfigError, match=r"class folder .*/bird holds a folder bird"):
        labelled_files(folder, CLASSES)


def test_what_is_called_an_image_must_be_a_file(folder: Path) -> None:
    os.mkfifo(folder / "cat" / "c.png")
    with pytest.raises(ConfigError, match=r"cat/c\.png is called an image, but it is no file"):
        labelled_files(folder, CLASSES)


def test_a_folder_that_cannot_be_read_is_named(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads every folder")
    (folder / "cat").chmod(0)
    try:
        with pytest.raises(ConfigError, match="cat cannot be read: Permission denied"):
            labelled_files(folder, CLASSES)
    finally:
        (folder / "cat").chmod(0o755)


def test_a_refused_listing_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ConfigError, match=f"{folder} cannot be read: Permission denied"):
        class_folders(folder)


def test_classes_without_images_are_listed() -> None:
    assert lack("the images", ["a", "b"], 6) == "the images are of 4 of the 6 classes: none is of a, b"
    assert lack("the images", [*"abcdefg"], 8) == (
        "the images are of only one of the 8 classes: none is of a, b, c, d, e and 2 more"
    )


def test_an_image_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the image .*gone\.png cannot be used: .*No such file"):
        read_pixels([LabelledFile(tmp_path / "gone.png", 0)], INPUT)
