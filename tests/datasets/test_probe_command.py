"""groupnl data probe: a random choice, the same for a seed, nothing overwritten."""

from pathlib import Path

import pytest
from PIL import Image
from support.small_disk import small_disk

from groupnl.cli import main
from groupnl.datasets.probe_command import copy
from groupnl.errors import ConfigError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split in ("a", "b"):
        for name, count in (("cat", 5), ("dog", 3)):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                colour = (len(split) + ord(split), len(name) + ord(name[0]), index)
                Image.new("RGB", (4, 4), colour).save(folder / f"{split}{index}.png")
    (tmp_path / "data" / "LICENCES.md").write_text("whose they are\n")
    return tmp_path / "data"


def _probe(data: Path, out: Path, *options: str) -> int:
    return main(["data", "probe", "--data", str(data), "--splits", "a", "b", "--out", str(out), *options])


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.png")}


def test_a_random_choice_the_same_for_a_seed(data: Path, tmp_path: Path) -> None:
    assert [_probe(data, tmp_path / name, "--images", "8") for name in ("one", "two")] == [0, 0]
    assert _probe(data, tmp_path / "other", "--images", "8", "--seed", "1") == 0
    files = _files(tmp_path / "one")
    assert len(files) == 8
    assert files == _files(tmp_path / "two") != _files(tmp_path / "other")
    assert (tmp_path / "one" / "LICENCES.md").read_text() == "whose they are\n"
    assert all((tmp_path / "one" / name).read_bytes() == next(data.glob(f"*/{name}")).read_bytes() for name in files)


def test_only_images_are_copied(data: Path, tmp_path: Path) -> None:
    for name in ("cat/.DS_Store", "cat/Thumbs.db", ".ipynb_checkpoints/a0.png"):
        (data / "a" / name).parent.mkdir(exist_ok=True)
        (data / "a" / name).write_bytes(b"no image")
    assert _probe(data, tmp_path / "out", "--images", "16") == 0
    assert {path.suffix for path in (tmp_path / "out").glob("*/*")} == {".png"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["LICENCES.md", "cat", "dog"]


def test_too_few_images(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _probe(data, tmp_path / "out", "--images", "17") == 1
    assert "--images 17: there are only 16 images; ask for fewer" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _probe(data, data, "--images", "4") == 1
    assert "exists already" in capsys.readouterr().err


def test_missing_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _probe(tmp_path, tmp_path / "out") == 1
    assert "does not exist" in capsys.readouterr().err


def test_a_split_without_images_is_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for image in (data / "b").glob("*/*"):
        image.rename(image.with_name(f".{image.name}"))
    assert _probe(data, tmp_path / "out", "--images", "4") == 1
    assert f"{data}/b has no images: it must hold one folder" in capsys.readouterr().err


def test_a_full_disk_is_told_and_nothing_is_left(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = Image.effect_noise((250, 250), 100)
    for image in (data / "a").glob("*/*"):
        noise.save(image)
    with small_disk(tmp_path / "disk", size=128) as disk:
        assert _probe(data, disk / "out", "--images", "16") == 1
        assert f"{disk}/out cannot be written: No space left on device (" in capsys.readouterr().err
        assert not list(disk.iterdir())


def test_one_image_is_told_in_the_singular(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _probe(data, tmp_path / "out", "--images", "1") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out'}: 1 image of 1 class\n"


def test_an_image_that_does_not_decode_is_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("a", "b"):
        image = data / split / "cat" / f"{split}0.png"
        image.write_bytes(image.read_bytes()[:-20])
        assert _probe(data, tmp_path / "out", "--images", "16") == 1
        said = capsys.readouterr().err
        assert f"the image {image} cannot be used: The PNG is cut short or damaged" in said
        image.unlink()
        Image.new("RGB", (4, 4)).save(image)
        assert not (tmp_path / "out").exists()


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the image .*bird/1\.png cannot be read: No such file"):
        copy([tmp_path / "bird" / "1.png"], tmp_path / "none", tmp_path / "probe")
    assert not (tmp_path / "probe").exists()
