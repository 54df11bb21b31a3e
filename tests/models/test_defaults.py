"""groupnl.models.defaults: what timm says of an architecture."""

import re
from typing import Any

import pytest
import torch
from support.tiny import ARCHITECTURE, tiny_network

from groupnl.errors import CheckpointError
from groupnl.models.defaults import class_count, default_input, folder_order


def test_input_and_classes_are_timms() -> None:
    found = default_input("resnet50")
    assert (found.size, found.crop_pct, found.interpolation) == (224, pytest.approx(0.95), "bicubic")
    assert default_input("gnl_resnet50") == found
    assert class_count(ARCHITECTURE, tiny_network(7).state_dict()) == 7


def test_what_the_training_script_was_told_comes_before_timms_configuration() -> None:
    usual = default_input("efficientnetv2_gnl_s")
    assert usual.size == 288
    unset = dict.fromkeys(("img_size", "input_size", "crop_pct", "mean", "std")) | {"interpolation": "", "lr": 0.1}
    assert default_input("efficientnetv2_gnl_s", unset) == usual
    told = {"img_size": 64, "crop_pct": 0.9, "interpolation": "bilinear", "mean": [0.5], "std": [0.2, 0.3, 0.4]}
    found = default_input("efficientnetv2_gnl_s", told)
    assert (found.size, found.crop_pct, found.interpolation) == (64, 0.9, "bilinear")
    assert (found.mean, found.std) == ((0.5, 0.5, 0.5), (0.2, 0.3, 0.4))
    assert default_input("efficientnetv2_gnl_s", told | {"input_size": [3, 96, 96]}).size == 96
    found = default_input("efficientnetv2_gnl_s", told | {"interpolation": "nearest"}, {"interpolation": "bicubic"})
    assert (found.size, found.interpolation) == (64, "bicubic")


@pytest.mark.parametrize(
    "told",
    [
        {"input_size": 64},
        {"input_size": [64]},
        {"input_size": (64, 64), "img_size": 96},
        {"input_size": (3, 64, 64)},
        {"img_size": 64},
        {"img_size": [64, 64]},
    ],
)
def test_a_size_is_read_however_a_script_writes_it(told: dict[str, Any]) -> None:
    assert default_input("resnet50", told).size == 64
    assert default_input("resnet50", told | {"mean": [0.5], "std": [0.25]}, channels=1).mean == (0.5,)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"interpolation": "nearest"}, "interpolation = 'nearest'"),
        ({"input_size": [3, 96, 64]}, "size = 96 x 64, and only square images are served: give --input-size"),
        ({"img_size": [96, 64]}, "size = 96 x 64, and only square images are served"),
        ({"mean": [123.7, 116.3, 103.5]}, "mean = (123.7, 116.3, 103.5): it is of pixels from 0 to 1: divide"),
        ({"std": [58.4, 57.1, 57.4]}, "std = (58.4, 57.1, 57.4): it is of pixels from 0 to 1: divide"),
        ({"img_size": "64"}, "the checkpoint's arguments are {'img_size': '64'}"),
        ({"mean": 0.5}, "the checkpoint's arguments are {'mean': 0.5}"),
        ({"mean": torch.zeros(3), "interpolation": torch.zeros(3)}, "the checkpoint's arguments are"),
    ],
)
def test_an_input_that_cannot_be_made_is_refused(told: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CheckpointError, match=f"the input of resnet50 cannot be made: .*{re.escape(sentence)}"):
        default_input("resnet50", told)


def test_class_folders_have_the_order_of_timms_reader() -> None:
    assert folder_order({"10", "9", "Bee", "ant"}) == ["9", "10", "ant", "Bee"]


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(CheckpointError, match="architecture 'resnet_50' is unknown to timm"):
        default_input("resnet_50")
    with pytest.raises(CheckpointError, match=r"the weights have no fc\.weight; is resnet50 the right architecture"):
        class_count("resnet50", tiny_network().state_dict())
    with pytest.raises(CheckpointError, match=r"the weights have no fc\.weight; is resnet50 the right architecture"):
        class_count("resnet50", {"fc.weight": torch.tensor(1.0)})
