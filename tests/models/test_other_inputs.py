"""Networks for grey images and for other sizes than timm's: built as their weights were trained, or refused."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.models import save_for_hf
from torch import nn

from groupnl.card import ModelCard
from groupnl.errors import CheckpointError
from groupnl.models import save_checkpoint
from groupnl.models.trained import network_of_card, open_trained

CLASSES = ("a", "b", "c")


def network(name: str, **arguments: Any) -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model(name, num_classes=len(CLASSES), **arguments).eval()


def saved(folder: Path, name: str, **arguments: Any) -> Path:
    path = folder / "weights.pth"
    torch.save(network(name, **arguments).state_dict(), path)
    return path


@pytest.mark.parametrize(
    "name", ["test_resnet", "test_vit", "mobilenetv4_conv_small", "test_gnl_efficientnet", "tresnet_m"]
)
def test_the_weights_tell_that_images_are_grey(name: str, tmp_path: Path) -> None:
    found = open_trained(saved(tmp_path, name, in_chans=1), architecture=name, classes=CLASSES)
    usual = timm.get_pretrained_cfg(name)
    assert found.input.mean == pytest.approx((sum(usual.mean) / 3,))  # as timm's loader adapts it
    assert (found.input.channels, len(found.input.std)) == (1, 1)


def test_channels_that_are_neither_grey_nor_colour_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"of a network for images of 4 channels .*grey ones \(1\) are served"):
        open_trained(saved(tmp_path, "test_resnet", in_chans=4), architecture="test_resnet", classes=CLASSES)


def test_a_given_mean_is_of_as_many_channels(tmp_path: Path) -> None:
    path = saved(tmp_path, "test_resnet")
    found = open_trained(path, architecture="test_resnet", classes=CLASSES, given={"mean": [0.5], "std": (0.25,)})
    assert (found.input.mean, found.input.std) == ((0.5,) * 3, (0.25,) * 3)
    grey = saved(tmp_path, "test_resnet", in_chans=1)
    given = {"mean": (0.1, 0.2, 0.3), "std": (0.1, 0.2, 0.3)}
    with pytest.raises(CheckpointError, match="--mean and --std are of 3 channels, and the weights of 1"):
        open_trained(grey, architecture="test_resnet", classes=CLASSES, given=given)
    with pytest.raises(CheckpointError, match=r"mean has 1 values and std 2|std = .*it must have 3 values"):
        open_trained(grey, architecture="test_resnet", classes=CLASSES, given={"std": (0.1, 0.2)})


def test_the_script_says_what_grey_images_are(tmp_path: Path) -> None:
    weights = network("test_resnet", in_chans=1).state_dict()
    args = argparse.Namespace(in_chans=1, input_size=(1, 28, 28), mean=[0.13], std=[0.31], crop_pct=None)
    torch.save({"arch": "test_resnet", "state_dict": weights, "args": args}, tmp_path / "last.pth.tar")
    found = open_trained(tmp_path / "last.pth.tar", classes=CLASSES)
    assert (found.input.size, found.input.mean, found.input.std) == (28, (0.13,), (0.31,))


@pytest.mark.parametrize("size", [64, 224])
def test_a_network_of_one_size_is_built_for_that_of_its_weights(size: int, tmp_path: Path) -> None:
    trained = network("test_vit", img_size=size)
    torch.save(trained.state_dict(), tmp_path / "weights.pth")
    found = open_trained(tmp_path / "weights.pth", architecture="test_vit", classes=CLASSES, given={"size": size})
    images = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        assert torch.equal(found.network(images), trained(images))
    with pytest.raises(CheckpointError, match=r"--input-size 160: test_vit does not take .* give the size that they"):
        open_trained(tmp_path / "weights.pth", architecture="test_vit", classes=CLASSES)


@pytest.mark.parametrize("img_size", [96, [96, 96]])
def test_a_folder_says_the_size_that_its_network_was_built_for(img_size: Any, tmp_path: Path) -> None:
    arguments = {"img_size": img_size, "in_chans": 1, "drop_path_rate": 0.1, "proj_drop_rate": 0.2}
    trained = network("test_vit", img_size=96, in_chans=1)
    save_for_hf(trained, str(tmp_path), model_config={"label_names": CLASSES}, model_args=arguments)
    found = open_trained(tmp_path)
    assert (found.input.size, found.input.channels, found.classes) == (96, 1, CLASSES)
    images = torch.randn(2, 1, 96, 96)
    with torch.inference_mode():
        assert torch.equal(found.network(images), trained(images))


def test_a_network_that_interpolates_its_positions_is_read_at_the_size_that_it_was_built_for(tmp_path: Path) -> None:
    trained = network("test_vit", img_size=96, dynamic_img_size=True)
    save_for_hf(trained, str(tmp_path), data_config={"input_size": (3, 96, 96)})
    found = open_trained(tmp_path, classes=CLASSES)
    images = torch.randn(1, 3, 96, 96)
    with torch.inference_mode():
        assert torch.equal(found.network(images), trained(images))


def test_an_archives_network_is_built_for_its_card(tmp_path: Path) -> None:
    found = open_trained(
        saved(tmp_path, "test_vit", img_size=32, in_chans=1),
        architecture="test_vit", classes=CLASSES, given={"size": 32},
    )  # fmt: skip
    card = ModelCard(architecture="test_vit", classes=CLASSES, input=found.input)
    save_checkpoint(tmp_path / "packed.safetensors", found.network.state_dict(), card)
    images = torch.randn(1, 1, 32, 32)
    with torch.inference_mode():
        again = network_of_card(tmp_path / "packed.safetensors", card)
        assert torch.equal(again(images), found.network(images))


def test_squashed_images_are_read_from_the_folder(tmp_path: Path) -> None:
    save_for_hf(network("test_resnet"), str(tmp_path), data_config={"crop_mode": "squash", "crop_pct": 1.0})
    assert open_trained(tmp_path, classes=CLASSES).input.crop_mode == "squash"
    content = json.loads((tmp_path / "config.json").read_text())
    content["pretrained_cfg"]["crop_mode"] = "border"
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"crop_mode = 'border': it must be 'center' or 'squash'"):
        open_trained(tmp_path, classes=CLASSES)


def test_what_is_not_square_is_refused_by_name(tmp_path: Path) -> None:
    save_for_hf(network("test_resnet"), str(tmp_path), data_config={"input_size": (3, 224, 160)})
    with pytest.raises(CheckpointError, match="size = 224 x 160, and only square images are served: give --input-size"):
        open_trained(tmp_path, classes=CLASSES)
    assert open_trained(tmp_path, classes=CLASSES, given={"size": 160}).input.size == 160


@pytest.mark.parametrize("arguments", [{"num_classes": 0}, {"features_only": True}])
def test_a_network_without_a_classifier_is_told(arguments: dict[str, Any], tmp_path: Path) -> None:
    torch.save(timm.create_model("test_resnet", **arguments).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(
        CheckpointError, match=r"they have no classifier \(fc\.weight, fc\.bias\), as of a network built"
    ):
        open_trained(tmp_path / "weights.pth", architecture="test_resnet", classes=CLASSES)
