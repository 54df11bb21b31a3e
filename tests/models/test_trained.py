"""groupnl.models.trained: what a checkpoint says, what is given, and what does not fit."""

import argparse
import ast
from pathlib import Path

import pytest
import timm
import torch
from support.tiny import ARCHITECTURE, CLASSES, INPUT, published_checkpoint, tiny_card, tiny_checkpoint, tiny_network

from groupnl.base.files import sha256_of
from groupnl.errors import CheckpointError, ConfigError
from groupnl.models.trained import network_of_card, open_described, open_trained


def test_a_card_says_everything(tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path)
    found, card = open_described(path)
    assert (found.architecture, found.classes, found.input) == (ARCHITECTURE, CLASSES, INPUT)
    assert (found.class_count, found.says_size, found.sha256) == (len(CLASSES), True, sha256_of(path))
    assert found.card == card == tiny_card()
    assert not found.network.training
    weights = found.network.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in tiny_network().state_dict().items())


def test_without_a_card_timm_says_the_input_and_the_weights_the_number_of_classes(tmp_path: Path) -> None:
    path = published_checkpoint(tmp_path, classes=7)
    found = open_trained(path)
    assert (found.classes, found.class_count, found.input.size, found.says_size) == (None, 7, 160, False)
    found = open_trained(path, classes=CLASSES, given={"size": 64})
    assert (found.classes, found.input.size, found.card) == (CLASSES, 64, None)
    (tmp_path / "names.txt").write_text("\n".join(CLASSES))
    assert open_trained(path, classes=str(tmp_path / "names.txt")).classes == CLASSES


def test_what_a_card_says_is_given_again_only_to_replace_it(tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path)
    with pytest.raises(ConfigError, match=rf"--architecture resnet50: .* holds {ARCHITECTURE}; leave the option out"):
        open_trained(path, architecture="resnet50")
    with pytest.raises(ConfigError, match=r"--classes nowhere\.txt: .* names its classes"):
        open_trained(path, classes="nowhere.txt")
    found = open_trained(path, architecture=ARCHITECTURE, classes=tuple("abcdefg"), given={"size": 48}, replace=True)
    assert (found.classes, found.input) == (tuple("abcdefg"), INPUT.model_copy(update={"size": 48}))
    with pytest.raises(CheckpointError, match="the weights do not fit resnet18"):
        open_trained(path, architecture="resnet18", replace=True)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("a", "b"), "there are 2 names, and the network has 7 classes: write one name a line, in the order of"),
        (tuple("abcdefc"), "'c' stands twice: write another name for one of the two"),
    ],
)
def test_names_that_are_not_those_of_the_classes(names: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    path = published_checkpoint(tmp_path, classes=7)
    with pytest.raises(CheckpointError, match=f"^--classes: {sentence}"):
        open_trained(path, classes=names)
    (tmp_path / "names.txt").write_text("\n".join(names))
    with pytest.raises(CheckpointError, match=f"^--classes {tmp_path}/names.txt: {sentence}"):
        open_trained(path, classes=str(tmp_path / "names.txt"))


def test_what_the_file_does_not_say_is_asked_for(tmp_path: Path) -> None:
    path = published_checkpoint(tmp_path, classes=7, architecture=None)
    with pytest.raises(CheckpointError, match=r"does not name its architecture; give --architecture"):
        open_trained(path)
    with pytest.raises(CheckpointError, match=r"has no model card, so its classes and input are not known"):
        open_described(path)


def test_an_input_that_cannot_be_made_is_told_alike(tmp_path: Path) -> None:
    for path in (tiny_checkpoint(tmp_path), published_checkpoint(tmp_path)):
        with pytest.raises(CheckpointError, match=rf"the input of {ARCHITECTURE} cannot be made: crop_pct = 1\.5"):
            open_trained(path, given={"crop_pct": 1.5})


def test_a_network_with_two_classifiers_tells_its_classes(tmp_path: Path) -> None:
    network = timm.create_model("levit_128s", num_classes=3)
    torch.save({"arch": "levit_128s", "state_dict": network.state_dict()}, tmp_path / "two.pth.tar")
    assert open_trained(tmp_path / "two.pth.tar").class_count == 3


def test_a_card_that_is_known_says_what_is_built(tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path)
    network = network_of_card(path, tiny_card())
    assert not network.training
    with pytest.raises(CheckpointError, match=rf"the weights .*{ARCHITECTURE}"):
        network_of_card(path, tiny_card(CLASSES[:-1]))


def test_nobody_else_makes_a_network_of_a_checkpoint() -> None:
    root = Path(__file__).parents[2]
    doors = {"build_model", "load_checkpoint"}
    users = set()
    for part in ("groupnl", "groupnl_studies", "handlers", "loadtests"):
        for path in (root / part).rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if any(doors & {getattr(node, "id", ""), getattr(node, "attr", "")} for node in nodes):
                users.add(path.relative_to(root).as_posix())
    # The second only looks which of a network's relatives a checkpoint holds.
    assert users == {"groupnl/models/trained.py", "groupnl/training/initial.py"}


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"lr": 0.1, "model_name": ARCHITECTURE}, ARCHITECTURE),
        ({"student": ARCHITECTURE, "again": ARCHITECTURE, "optimizer": "sgd"}, ARCHITECTURE),
        ({"student": ARCHITECTURE, "teacher": "resnet50"}, None),
        ({"lr": 0.1}, None),
        (None, None),
    ],
)
def test_lightnings_settings_name_the_architecture_where_they_name_one(
    tmp_path: Path, settings: dict[str, object] | None, found: str | None
) -> None:
    weights = {f"model.{name}": tensor for name, tensor in tiny_network().state_dict().items()}
    torch.save({"state_dict": weights, "hyper_parameters": settings}, tmp_path / "last.ckpt")
    if found is None:
        with pytest.raises(CheckpointError, match="does not name its architecture"):
            open_trained(tmp_path / "last.ckpt")
    else:
        assert open_trained(tmp_path / "last.ckpt").architecture == found


def test_torchvisions_script_says_the_input(tmp_path: Path) -> None:
    told = argparse.Namespace(model="resnet18", val_resize_size=256, val_crop_size=224, interpolation="bilinear")
    network = timm.create_model("resnet18", num_classes=3)
    torch.save({"model": network.state_dict(), "args": told, "epoch": 3}, tmp_path / "checkpoint.pth")
    found = open_trained(tmp_path / "checkpoint.pth")
    assert (found.architecture, found.class_count, found.says_input, found.says_size) == ("resnet18", 3, True, True)
    assert (found.input.size, found.input.crop_pct, found.input.interpolation) == (224, 0.875, "bilinear")
    assert found.input.mean == (0.485, 0.456, 0.406)
