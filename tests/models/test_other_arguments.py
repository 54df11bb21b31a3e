"""groupnl.models.other_arguments: networks that were built otherwise than their names say."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.models import save_for_hf

from groupnl.errors import CheckpointError
from groupnl.models.trained import open_trained

CLASSES = ("a", "b", "c")


def trained(folder: Path, name: str, arguments: dict[str, Any], **built: Any) -> Path:
    """What timm's script writes."""
    network = timm.create_model(name, num_classes=len(CLASSES), **built)
    content = {"arch": name, "state_dict": network.state_dict(), "args": argparse.Namespace(model=name, **arguments)}
    torch.save(content, folder / "last.pth.tar")
    return folder / "last.pth.tar"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"gp": "max"}, "{'global_pool': 'max'}"),
        ({"bn_eps": 0.5}, "{'bn_eps': 0.5}"),
        ({"model_kwargs": {"act_layer": "gelu", "drop_path_rate": 0.1}}, "{'act_layer': 'gelu'}"),
    ],
)
def test_what_the_script_was_told_otherwise_is_refused(arguments: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = trained(tmp_path, "test_resnet", arguments)
    with pytest.raises(CheckpointError, match=rf"^its args: test_resnet was built with {told}, which an archive"):
        open_trained(path)


@pytest.mark.parametrize(
    "arguments",
    [
        {"gp": None, "bn_eps": None, "model_kwargs": {}},
        {"gp": "fast", "bn_eps": 1e-5, "bn_momentum": 0.1},
        {"gp": "avg", "model_kwargs": {"drop_path_rate": 0.1, "zero_init_last": False}},
        {"gp": 10},  # another script's
        {"model_kwargs": {"fc_norm": False, "use_fc_norm": False, "distillation": False}},  # the weights' names tell
    ],
)
def test_what_changes_no_answer_is_passed_over(arguments: dict[str, Any], tmp_path: Path) -> None:
    assert open_trained(trained(tmp_path, "test_resnet", arguments)).class_count == len(CLASSES)


def test_the_script_may_say_the_size_to_the_network_alone(tmp_path: Path) -> None:
    kwargs = {"img_size": 96, "dynamic_img_size": True}
    path = trained(tmp_path, "test_vit", {"model_kwargs": kwargs, "img_size": None}, **kwargs)
    assert open_trained(path).input.size == 96


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_vit"])
def test_a_folder_says_how_a_network_pools(name: str, tmp_path: Path) -> None:
    network = timm.create_model(name, num_classes=len(CLASSES))
    save_for_hf(network, str(tmp_path), model_config={"label_names": CLASSES})
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["model_args"]["global_pool"]
    assert open_trained(tmp_path).classes == CLASSES
    config["model_args"]["global_pool"] = "max"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=rf"config\.json: {name} was built with {{'global_pool': 'max'}}"):
        open_trained(tmp_path)


@pytest.mark.parametrize("name", ["hf-hub:timm/test_resnet.r160_in1k", "hf_hub:timm/test_resnet", "timm/test_resnet"])
def test_names_of_the_hub_are_timms(name: str, tmp_path: Path) -> None:
    path = trained(tmp_path, "test_resnet", {})
    content = torch.load(path, weights_only=False)
    torch.save(content | {"arch": name}, path)
    assert open_trained(path).architecture == name.partition("timm/")[2]
    assert open_trained(path, architecture=name).class_count == len(CLASSES)


def test_a_folder_of_a_network_with_a_new_classifier_is_read(tmp_path: Path) -> None:
    network = timm.create_model("test_vit", num_classes=1000)
    network.reset_classifier(len(CLASSES), "token")
    save_for_hf(network, str(tmp_path), model_config={"label_names": CLASSES})
    assert json.loads((tmp_path / "config.json").read_text())["model_args"]["fc_norm"] is False
    assert open_trained(tmp_path).classes == CLASSES


def test_what_the_network_was_told_explains_names_that_do_not_fit(tmp_path: Path) -> None:
    network = timm.create_model("test_vit", num_classes=len(CLASSES), global_pool="avg")
    save_for_hf(network, str(tmp_path), model_config={"label_names": CLASSES})
    with pytest.raises(CheckpointError, match=r"config\.json: test_vit was built with {'global_pool': 'avg'}, which"):
        open_trained(tmp_path)


def refuse_96_and_take_160(path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"was built for images of .*160.* pixels and fits itself to .* 96 as"):
        open_trained(path, classes=CLASSES)
    assert open_trained(path, classes=CLASSES, given={"size": 160}).input.size == 160


def test_a_size_that_a_network_fitted_itself_to_is_refused(tmp_path: Path) -> None:
    """Built for 160 pixels, used with 96: an archive's network for 96 would have other positions or windows."""
    network = timm.create_model("test_vit", num_classes=len(CLASSES), dynamic_img_size=True)
    save_for_hf(network, str(tmp_path), data_config={"input_size": (3, 96, 96)})
    refuse_96_and_take_160(tmp_path)
    for flag in ({"dynamic_img_size": True}, {"strict_img_size": False}):
        refuse_96_and_take_160(trained(tmp_path, "test_vit", {"model_kwargs": flag, "input_size": (3, 96, 96)}))
