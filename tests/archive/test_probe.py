"""groupnl.archive.probe: labelled images into an archive and out of it again."""

import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from support.tiny import CLASSES, tiny_card, tiny_checkpoint

from groupnl.archive import probe
from groupnl.archive.pack import pack
from groupnl.cli import main
from groupnl.errors import ArchiveError, ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, colour in (("red", (200, 0, 0)), ("blue", (0, 0, 200))):
        (tmp_path / "probe" / name).mkdir(parents=True)
        Image.new("RGB", (40, 50), colour).save(tmp_path / "probe" / name / "one.png")
    (tmp_path / "probe" / "LICENCES.md").write_text("ours\n")
    return tmp_path / "probe"


def test_pixels_and_labels(folder: Path) -> None:
    found = probe.read_folder(folder, tiny_card())
    assert (found.pixels.shape, found.pixels.dtype) == ((2, 3, 32, 32), torch.uint8)
    assert [CLASSES[label] for label in found.labels] == ["blue", "red"]
    assert found.pixels[1, :, 16, 16].tolist() == [200, 0, 0]


def test_into_an_archive_and_out_again(folder: Path, tmp_path: Path) -> None:
    checkpoint = str(tiny_checkpoint(tmp_path))
    words = ["archive", checkpoint, "--model-name", "tiny", "--engine", "eager", "--output", str(tmp_path)]
    assert main([*words, "--probe", str(folder), "--twin", "other"]) == 0
    with zipfile.ZipFile(tmp_path / "tiny.mar") as file:
        file.extractall(tmp_path / "unpacked")
    assert "twin: other" in (tmp_path / "unpacked" / "model-config.yaml").read_text()
    found = probe.load(tmp_path / "unpacked")
    assert found is not None
    assert torch.equal(found.pixels, probe.read_folder(folder, tiny_card()).pixels)
    assert found.labels.tolist() == [CLASSES.index("blue"), CLASSES.index("red")]


def test_an_archive_without(tmp_path: Path) -> None:
    assert probe.load(tmp_path) is None


def test_a_damaged_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / probe.PROBE_FILE).write_bytes(b"no tensors")
    with pytest.raises(ArchiveError, match=r"probe\.safetensors cannot be read"):
        probe.load(tmp_path)


def test_a_folder_that_is_no_class(folder: Path) -> None:
    (folder / "red").rename(folder / "purple")
    with pytest.raises(ConfigError, match="purple, but the network has no such class"):
        probe.read_folder(folder, tiny_card())


def test_an_image_that_cannot_be_used(folder: Path) -> None:
    (folder / "red" / "two.png").write_bytes(b"no image")
    with pytest.raises(ConfigError, match=r"two\.png cannot be used"):
        probe.read_folder(folder, tiny_card())


def test_no_images_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no images"):
        probe.read_folder(tmp_path, tiny_card())
    with pytest.raises(ConfigError, match="does not exist"):
        probe.read_folder(tmp_path / "nowhere", tiny_card())


def test_nothing_is_written_for_a_broken_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        pack(tiny_checkpoint(tmp_path), tmp_path / "store", "tiny", probe=tmp_path / "nowhere")
    assert not (tmp_path / "store").exists()
