"""groupnl.models.hub_folder: timm's folders are read with what their config.json says, other folders are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from support.tiny import ARCHITECTURE, CLASSES, INPUT, tiny_card, tiny_network
from timm.models import save_for_hf

from groupnl.card import InputConfig
from groupnl.errors import CheckpointError
from groupnl.models import save_checkpoint
from groupnl.models.trained import open_trained

SAID = InputConfig(size=96, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), crop_pct=0.8, interpolation="bilinear")
PRETRAINED = {
    "input_size": [3, 96, 96], "mean": SAID.mean, "std": SAID.std, "crop_pct": 0.8, "interpolation": "bilinear",
    "crop_mode": "center", "classifier": "classifier",
}  # fmt: skip


def folder(path: Path, weights: str | None = "model.safetensors", **changes: Any) -> Path:
    path.mkdir(exist_ok=True)
    config = {
        "architecture": ARCHITECTURE, "num_classes": 7, "label_names": CLASSES, "pretrained_cfg": PRETRAINED,
        "model_args": {"num_classes": 7, "in_chans": 3, "global_pool": "avg"},
    } | changes  # fmt: skip
    (path / "config.json").write_text(json.dumps(config))
    state_dict = tiny_network().state_dict()
    if weights == "model.safetensors":
        save_file(state_dict, path / weights, metadata={"format": "pt"})
    elif weights:
        torch.save(state_dict, path / weights)
    return path


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("named", ["folder", "file"])
def test_config_says_architecture_classes_and_input(tmp_path: Path, weights: str, named: str) -> None:
    path = folder(tmp_path / "hub", weights)
    found = open_trained(path if named == "folder" else path / weights)
    assert (found.architecture, found.classes, found.input) == (ARCHITECTURE, CLASSES, SAID)
    assert (found.path, found.says_input, found.says_size, found.card) == (path / weights, True, True, None)
    assert all(torch.equal(t, found.network.state_dict()[name]) for name, t in tiny_network().state_dict().items())


def shards(path: Path, kind: str = "safetensors") -> Path:
    """The folder's weights in two files; returns their index."""
    (whole := folder(path) / "model.safetensors").unlink()
    weights = tiny_network().state_dict()
    stem = "model" if kind == "safetensors" else "pytorch_model"
    names = {name: f"{stem}-{1 + place % 2:05}-of-00002.{kind}" for place, name in enumerate(weights)}
    for file in set(names.values()):
        part = {name: tensor for name, tensor in weights.items() if names[name] == file}
        save_file(part, path / file) if kind == "safetensors" else torch.save(part, path / file)
    index = whole.with_name(f"{stem}.{kind}.index.json")
    index.write_text(json.dumps({"metadata": {}, "weight_map": names}))
    return index


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_weights_in_several_files(tmp_path: Path, kind: str) -> None:
    index = shards(tmp_path / "hub", kind)
    by_folder, by_index = (open_trained(path) for path in (index.parent, index))
    for found in (by_folder, by_index):
        assert (found.architecture, found.classes, found.input, found.path) == (ARCHITECTURE, CLASSES, SAID, index)
        assert all(torch.equal(t, found.network.state_dict()[name]) for name, t in tiny_network().state_dict().items())
    part = max(index.parent.glob(f"*-of-00002.{kind}"))
    content = load_file(part) if kind == "safetensors" else torch.load(part)
    changed = {name: tensor + 1 for name, tensor in content.items()}
    save_file(changed, part) if kind == "safetensors" else torch.save(changed, part)
    assert open_trained(index).identity != by_folder.identity == by_index.identity


def test_files_of_several_that_cannot_be_used(tmp_path: Path) -> None:
    index = shards(tmp_path / "hub")
    first, second = sorted(index.parent.glob("*.safetensors"))
    with pytest.raises(CheckpointError, match=f"{first} is one of several files: name their folder"):
        open_trained(first)
    second.unlink()
    with pytest.raises(CheckpointError, match=rf"index.json names {second.name}, which is not beside it: fetch that"):
        open_trained(index.parent)
    for content in ("{", "[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": "../b"}}', '{"weight_map": {"a": 1}}'):
        index.write_text(content)
        with pytest.raises(CheckpointError, match="is no index of files beside it"):
            open_trained(index)


def test_what_timm_writes_is_read(tmp_path: Path) -> None:
    network = timm.create_model("test_resnet", num_classes=7).eval()
    names = dict(enumerate(CLASSES))
    save_for_hf(network, str(tmp_path), model_config={"label_names": names}, data_config={"crop_pct": 0.7})
    found = open_trained(tmp_path)
    assert (found.architecture, found.classes) == ("test_resnet", CLASSES)
    assert (found.input.size, found.input.crop_pct) == (160, 0.7)
    images = torch.rand(2, 3, 64, 64)
    assert torch.equal(found.network(images), network(images))


def test_what_is_given_comes_first(tmp_path: Path) -> None:
    found = open_trained(folder(tmp_path), classes=tuple("abcdefg"), given={"size": 48, "crop_pct": 1.0})
    assert found.classes == tuple("abcdefg")
    assert found.input == SAID.model_copy(update={"size": 48, "crop_pct": 1.0})


@pytest.mark.parametrize("weights", ["model.safetensors", "model.pth"])
def test_timms_first_folders_had_it_all_at_the_top(tmp_path: Path, weights: str) -> None:
    path = folder(tmp_path, weights, pretrained_cfg=None)
    config = json.loads((path / "config.json").read_text()) | PRETRAINED
    (path / "config.json").write_text(json.dumps({key: value for key, value in config.items() if value is not None}))
    assert open_trained(path).input == SAID


def test_timms_first_folders_called_names_labels(tmp_path: Path) -> None:
    path = folder(tmp_path, label_names=None, labels=CLASSES)
    assert open_trained(path).classes == CLASSES


def test_transformers_folders_say_names_in_their_ways(tmp_path: Path) -> None:
    """Its first ones, then those of an ImageNet with two cranes, then those of a network without names."""
    names = dict(enumerate(CLASSES))
    assert open_trained(folder(tmp_path, label_names=None, id2label=names, model_args=None)).classes == CLASSES
    cranes = ("crane", "goat", "crane", *CLASSES[3:])
    found = open_trained(folder(tmp_path, label_names=cranes)).classes
    assert found == ("crane (0)", "goat", "crane (2)", *CLASSES[3:])
    without = [f"LABEL_{position}" for position in range(len(CLASSES))]
    assert open_trained(folder(tmp_path, label_names=without)).classes is None


@pytest.mark.parametrize("weights", ["pytorch_model.pth", "model.pth"])
def test_other_names_of_weights_that_timm_looks_for(tmp_path: Path, weights: str) -> None:
    found = open_trained(folder(tmp_path, weights))
    assert (found.path, found.classes, found.input) == (tmp_path / weights, CLASSES, SAID)


@pytest.mark.parametrize("weights", ["pytorch_model.pth", "model.pth"])
@pytest.mark.parametrize(
    "config",
    [
        '{"model_type": "resnet50", "lr": 0.1}',
        '{"architecture": "MyNet", "pretrained_cfg": {"crop_pct": 0.5}}',
        '{"architecture": "resnet18", "mean": [0, 0, 0], "label_names": ["a", "b", "c", "d", "e", "f", "g"]}',
        '{"architecture": "resnet18", "pretrained_cfg": 5}',
        '{"architecture": "resnet18", "pretrained_cfg": {}, "model_args": [1]}',
        '{"lr": 0.1} // of the first run',
    ],
)
def test_a_config_that_may_be_anyones_says_nothing(tmp_path: Path, weights: str, config: str) -> None:
    torch.save({"arch": ARCHITECTURE, "state_dict": tiny_network().state_dict()}, tmp_path / weights)
    (tmp_path / "config.json").write_text(config)
    for path in (tmp_path, tmp_path / weights):
        found = open_trained(path)
        assert (found.architecture, found.classes, found.says_input) == (ARCHITECTURE, None, False)


def test_the_hubs_cache_is_told(tmp_path: Path) -> None:
    path = tmp_path / "models--timm--test_resnet" / "snapshots" / "a1b2"
    path.mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"several versions: name one of the folders in .*snapshots"):
        open_trained(path.parents[1])
    assert open_trained(folder(path)).classes == CLASSES


def test_a_card_in_the_file_comes_before_the_config(tmp_path: Path) -> None:
    path = folder(tmp_path)
    save_checkpoint(path / "model.safetensors", tiny_network().state_dict(), tiny_card())
    assert open_trained(path).input == INPUT


def test_a_config_beside_a_file_of_another_name_is_not_its_own(tmp_path: Path) -> None:
    path = folder(tmp_path, "other.pth")
    with pytest.raises(CheckpointError, match="does not name its architecture"):
        open_trained(path / "other.pth")


def test_a_folder_without_config_needs_the_architecture(tmp_path: Path) -> None:
    (folder(tmp_path) / "config.json").unlink()
    assert open_trained(tmp_path, architecture=ARCHITECTURE).class_count == 7


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"weights": None}, r"holds no model.safetensors or pytorch_model.bin: name the checkpoint's file"),
        ({"architecture": None, "architectures": ["ResNetForImageClassification"]}, "of Hugging Face transformers"),
        ({"architecture": "resnet_5"}, "'resnet_5' is unknown to timm"),
        ({"pretrained_cfg": 5}, "is no configuration of timm's: name the weights' file alone"),
        ({"model_args": {"act_layer": "gelu"}}, r"built with {'act_layer': 'gelu'}, which an archive cannot hold"),
        ({"model_args": {"global_pool": "max"}}, r"built with {'global_pool': 'max'}, which an archive cannot hold"),
        ({"label_names": CLASSES[:3]}, "the weights are of 7 classes, 3 class names were given"),
        ({"pretrained_cfg": {"crop_pct": 1.5}}, r"the input of .* cannot be made: crop_pct = 1\.5"),
        ({"pretrained_cfg": {"input_size": "x"}}, r"the input of .* cannot be made: .*config.json says"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence):
        open_trained(folder(tmp_path / "hub", **changes))


def test_transformers_weights_are_refused_by_the_file_too(tmp_path: Path) -> None:
    path = folder(tmp_path, architecture=None, model_type="resnet")
    with pytest.raises(CheckpointError, match="of Hugging Face transformers"):
        open_trained(path / "model.safetensors")


def test_other_folders(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no model.safetensors or pytorch_model.bin"):
        open_trained(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(CheckpointError, match="TensorFlow SavedModel"):
        open_trained(tmp_path)


def test_a_config_that_cannot_be_read(tmp_path: Path) -> None:
    (folder(tmp_path) / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"config.json, beside the weights, cannot be read"):
        open_trained(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    assert open_trained(tmp_path, architecture=ARCHITECTURE).classes is None
