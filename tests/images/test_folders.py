"""groupnl.images.folders: class folders to labels and pixels."""

from pathlib import Path

import pytest
from PIL import Image
from support.tiny import INPUT

from groupnl.errors import ConfigError
from groupnl.images.folders import class_folders, image_files, labelled_files, read_pixels

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


def test_what_cannot_be_used_is_told(folder: Path) -> None:
    with pytest.raises(ConfigError, match="cat, but the model has no such class"):
        labelled_files(folder, ("dog",))
    with pytest.raises(ConfigError, match="nowhere does not exist"):
        labelled_files(folder / "nowhere", CLASSES)
    with pytest.raises(ConfigError, match="has no images"):
        labelled_files(folder / "cat", CLASSES)
    (folder / "cat" / "c.png").write_bytes(b"no image")
    with pytest.raises(ConfigError, match=r"c\.png cannot be used"):
        read_pixels(labelled_files(folder, CLASSES), INPUT)


def test_what_is_hidden_or_not_called_an_image_is_left_out(folder: Path) -> None:
    for name in ("cat/.DS_Store", "cat/Thumbs.db", "dog/._z.png", ".ipynb_checkpoints/a.png", "notes/read.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no image")
    (folder / "dog" / "more.png").mkdir()
    assert [group.name for group in class_folders(folder)] == ["cat", "dog", "notes"]
    assert [file.name for file in image_files(folder / "cat")] == ["a.png", "b.png"]
    assert [file.path.name for file in labelled_files(folder, CLASSES)] == ["a.png", "b.png", "z.png"]


def test_an_image_of_a_format_that_is_not_read_is_not_passed_over(folder: Path) -> None:
    (folder / "cat" / "c.TIFF").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"cat/c\.TIFF is of a format that is not read.* to PNG"):
        labelled_files(folder, CLASSES)
