"""groupnl.archive.pack: what is in an archive, and what is refused."""

import datetime
import json
import os
import tempfile
import time
import zipfile
from argparse import Namespace
from pathlib import Path

import pytest
import torch
import yaml
from model_archiver.manifest_components import manifest as archiver_manifest
from support.tiny import (
    ARCHITECTURE,
    CLASSES,
    HANDLER,
    INPUT,
    published_checkpoint,
    tiny_card,
    tiny_checkpoint,
    tiny_network,
)

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.archive.read import read_manifest
from groupnl.card.imagenet import imagenet_classes
from groupnl.cli import main
from groupnl.errors import ArchiveError, CheckpointError, ConfigError
from groupnl.models import load_checkpoint, save_checkpoint
from groupnl.models.trained import open_trained


def test_archive_holds_weights_card_settings_and_handler(tmp_path: Path) -> None:
    settings = ServingSettings(batch_size=3, max_batch_delay_ms=7, handler={"device": "cpu"})
    archive = pack(tiny_checkpoint(tmp_path), tmp_path / "store", "tiny", version="2.1", settings=settings)

    assert archive == tmp_path / "store" / "tiny.mar"
    manifest = read_manifest(archive)
    assert (manifest.model_name, manifest.version, manifest.card) == ("tiny", "2.1", tiny_card())
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "unpacked")
        names = file.namelist()
    assert names == [
        "MAR-INF/MANIFEST.json", "classifier.py", "model-config.yaml", "model.json", "model.safetensors",
    ]  # fmt: skip
    served = yaml.safe_load((tmp_path / "unpacked" / "model-config.yaml").read_text())
    assert (served["batchSize"], served["maxBatchDelay"], served["handler"]) == (3, 7, {"device": "cpu"})
    own = json.loads((tmp_path / "unpacked" / "MAR-INF" / "MANIFEST.json").read_text())["model"]
    assert (own["handler"], own["modelVersion"], own["configFile"]) == ("classifier.py", "2.1", "model-config.yaml")
    weights = load_checkpoint(tmp_path / "unpacked" / "model.safetensors").state_dict
    assert all(torch.equal(tensor, weights[name]) for name, tensor in tiny_network().state_dict().items())


def test_same_input_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    first = pack(checkpoint, tmp_path / "a", "tiny").read_bytes()

    class TwoDaysLater(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return datetime.datetime.fromtimestamp(real_time() + 172_800, tz)

    real_time = time.time
    monkeypatch.setattr(archiver_manifest, "datetime", TwoDaysLater)
    monkeypatch.setattr(time, "time", lambda: real_time() + 172_800)
    os.utime(checkpoint, (1, 1))
    before = os.umask(0o077)
    try:
        second = pack(checkpoint, tmp_path / "b", "tiny").read_bytes()
    finally:
        os.umask(before)
    assert first == second


def test_published_checkpoint_gets_imagenet_names_and_timms_input(tmp_path: Path) -> None:
    lines: list[str] = []
    path = published_checkpoint(tmp_path)
    card = read_manifest(pack(path, tmp_path, "tiny", say=lines.append)).card

    assert f"{path} does not name its 1000 classes; assumed are ImageNet's (--classes FILE)" in lines
    assert card.architecture == ARCHITECTURE
    assert card.classes == imagenet_classes()
    assert card.input.size == 160
    assert card.input.crop_pct == pytest.approx(0.95)
    assert card.training is None


def test_input_that_the_training_script_was_told_comes_before_timms(tmp_path: Path) -> None:
    told = Namespace(img_size=64, crop_pct=None)
    torch.save(
        {"arch": ARCHITECTURE, "args": told, "state_dict": tiny_network().state_dict()}, tmp_path / "last.pth.tar"
    )
    found = open_trained(tmp_path / "last.pth.tar", classes=CLASSES).input
    assert (found.size, found.crop_pct) == (64, pytest.approx(0.95))


def test_given_values_win_over_the_checkpoints(tmp_path: Path) -> None:
    names = tuple("abcdefg")
    checkpoint = tiny_checkpoint(tmp_path)
    card = read_manifest(pack(checkpoint, tmp_path, "tiny", classes=names, given_input={"size": 48})).card

    assert card.classes == names
    assert card.input == INPUT.model_copy(update={"size": 48})


def test_architecture_can_be_given(tmp_path: Path) -> None:
    checkpoint = published_checkpoint(tmp_path, classes=7, architecture=None)
    with pytest.raises(CheckpointError, match="--architecture"):
        pack(checkpoint, tmp_path, "tiny", classes=CLASSES)
    archive = pack(checkpoint, tmp_path, "tiny", classes=CLASSES, architecture=ARCHITECTURE)
    assert read_manifest(archive).card.architecture == ARCHITECTURE


def test_other_numbers_of_classes_need_names(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"7 classes.*--classes"):
        pack(published_checkpoint(tmp_path, classes=7), tmp_path, "tiny")
    with pytest.raises(CheckpointError, match=r"2 names, and the network has 7 classes"):
        pack(published_checkpoint(tmp_path, classes=7), tmp_path, "tiny", classes=("a", "b"))
    with pytest.raises(CheckpointError, match="'a' stands twice"):
        pack(published_checkpoint(tmp_path, classes=7), tmp_path, "tiny", classes=tuple("abcadef"))


def test_a_larger_imagenet_is_proposed(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"11821 classes; name them .* FILE, or --classes imagenet-12k"):
        pack(published_checkpoint(tmp_path, classes=11_821), tmp_path, "tiny")


def test_a_network_of_one_class_is_packed_and_told(tmp_path: Path) -> None:
    lines: list[str] = []
    eager = ServingSettings(handler={"device": "cpu"})
    pack(
        published_checkpoint(tmp_path, classes=1), tmp_path, "tiny",
        classes=("cat",), given_input={"size": 32}, settings=eager, say=lines.append,
    )  # fmt: skip
    assert any("is of one class, so every image gets it with probability 1" in line for line in lines)


def test_an_untrained_network_whose_logits_are_all_zero_is_packed(tmp_path: Path) -> None:
    network = tiny_network()
    torch.nn.init.zeros_(network.get_classifier().weight)
    torch.nn.init.zeros_(network.get_classifier().bias)
    path = tmp_path / "zero.safetensors"
    save_checkpoint(path, network.state_dict(), tiny_card())
    assert pack(path, tmp_path, "zero", settings=ServingSettings(handler=HANDLER)).exists()


def test_unknown_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="'resnet5'"):
        pack(published_checkpoint(tmp_path), tmp_path, "tiny", architecture="resnet5")


def test_existing_archive_stays_unless_overwritten(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    archive = pack(checkpoint, tmp_path, "tiny")
    with pytest.raises(ArchiveError, match=r"tiny\.mar exists already.*--overwrite"):
        pack(checkpoint, tmp_path, "tiny", version="2.0")
    pack(checkpoint, tmp_path, "tiny", version="2.0", overwrite=True)
    assert read_manifest(archive).version == "2.0"


def test_nothing_is_written_when_the_model_gives_no_finite_numbers(tmp_path: Path) -> None:
    weights = tiny_network().state_dict()
    # Finite weights, but their products overflow.
    weights = {name: tensor * 1e30 if tensor.ndim == 4 else tensor for name, tensor in weights.items()}
    save_checkpoint(tmp_path / "wild.safetensors", weights, tiny_card())
    store = tmp_path / "store"

    with pytest.raises(ArchiveError, match="finite numbers"):
        pack(tmp_path / "wild.safetensors", store, "wild")
    assert list(store.iterdir()) == []


def test_handler_section_is_checked(tmp_path: Path) -> None:
    settings = ServingSettings(handler={"devise": "cpu"})
    with pytest.raises(ConfigError, match="devise"):
        pack(tiny_checkpoint(tmp_path), tmp_path / "store", "tiny", settings=settings)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", ["", "a/b", "../up", "a b", "_tiny", ".hidden", "a..b", "-x", "a."])
def test_unusable_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveError, match="name"):
        pack(tiny_checkpoint(tmp_path), tmp_path / "store", name)
    assert sorted(path.name for path in tmp_path.rglob("*.mar")) == []


def test_the_archiver_leaves_the_temporary_directory_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "shared"
    kept = shared / "tiny" / "kept.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("someone else's")
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    pack(tiny_checkpoint(tmp_path), tmp_path, "tiny")
    assert kept.read_text() == "someone else's"


@pytest.mark.slow
def test_command_packs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = tmp_path / "names.txt"
    names.write_text("\n".join("abcdefg") + "\n")
    checkpoint = str(tiny_checkpoint(tmp_path))
    given = ["archive", checkpoint, "--model-name", "tiny", "--output", str(tmp_path)]
    given += ["--engine", "eager", "--classes", str(names)]

    assert main(given) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'tiny.mar'}\n"
    assert read_manifest(tmp_path / "tiny.mar").card.classes == tuple("abcdefg")
    assert main([*given, "--batch-size", "0", "--overwrite"]) == 2
    assert "batch_size = 0" in capsys.readouterr().err
    assert main([*given[:-1], str(tmp_path / "nowhere.txt"), "--overwrite"]) == 1
    assert "nowhere.txt" in capsys.readouterr().err
