"""Weights of torchvision's networks: packed under timm's names they answer the same."""

import argparse
import re
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from groupnl.errors import CheckpointError
from groupnl.models.torchvision_files import crop_share, torchvisions_config
from groupnl.models.torchvision_weights import NETWORKS, torchvisions_tensors
from groupnl.models.trained import open_trained

CLASSES = ("a", "b", "c")


def lively(name: str) -> nn.Module:
    """With random weights, and norms that do something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torchvision.models.get_model(name, weights=None, num_classes=len(CLASSES)).eval()
        for values in network.parameters():
            if values.ndim == 1 or not values.any():
                values.data += 0.05 * torch.randn_like(values)
        for name, values in network.named_buffers():
            if name.endswith("running_var"):
                values.uniform_(0.01, 1.3)  # as small as epsilons are noticed
    return network


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mobilenet_v2", 64),
        ("mobilenet_v3_small", 64),
        ("regnet_y_400mf", 64),
        ("efficientnet_b0", 64),
        ("convnext_tiny", 64),
        ("swin_t", 224),
        ("vit_b_32", 224),
    ],
)
def test_answers_are_torchvisions(name: str, size: int, tmp_path: Path) -> None:
    network = lively(name)
    torch.save({f"module.{key}": values for key, values in network.state_dict().items()}, tmp_path / "weights.pth")
    found = open_trained(tmp_path / "weights.pth", architecture=name, classes=CLASSES, given={"size": size})
    assert found.architecture == NETWORKS[name]
    images = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        expected, logits = network(images), found.network(images)
    assert (logits - expected).norm() < 1e-5 * expected.norm()


def test_a_norms_epsilon_is_not_lost(tmp_path: Path) -> None:
    network = lively("mobilenet_v3_small")
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    found = open_trained(tmp_path / "weights.pth", architecture="mobilenetv3_small_100", classes=CLASSES)
    theirs, ours = network.state_dict()["features.0.1.running_var"], found.network.state_dict()["bn1.running_var"]
    assert torch.allclose(ours + 1e-5, theirs + 1e-3, rtol=1e-6)


def test_torchvisions_script_and_its_averages_are_read(tmp_path: Path) -> None:
    network = lively("mobilenet_v3_small")
    weights = network.state_dict()
    told = {"model": "mobilenet_v3_small", "val_crop_size": 64, "val_resize_size": 72, "interpolation": "bilinear"}
    averaged = {f"module.{name}": values for name, values in weights.items()} | {"n_averaged": torch.tensor(7)}
    plain = {name: torch.zeros_like(values) for name, values in weights.items()}
    content = {"model": plain, "model_ema": averaged, "args": argparse.Namespace(**told)}
    torch.save(content, tmp_path / "checkpoint.pth")
    found = open_trained(tmp_path / "checkpoint.pth", classes=CLASSES)
    assert (found.architecture, found.input.size, found.input.crop_pct) == ("mobilenetv3_small_100", 64, 64 / 72)
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(found.network(images), network(images), rtol=1e-4, atol=1e-5)


def test_a_layer_of_ones_own_is_refused(tmp_path: Path) -> None:
    weights = lively("mobilenet_v3_small").state_dict()
    torch.save(weights | {"features.99.weight": torch.zeros(3)}, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match=r"1 are unexpected \(features\.99\.weight\)"):
        open_trained(tmp_path / "weights.pth", architecture="mobilenet_v3_small", classes=CLASSES)


def test_names_of_old_files_are_known() -> None:
    tensors = torchvisions_tensors("vit_base_patch32_224")
    assert tensors is not None
    assert tensors.names["encoder.layers.encoder_layer_0.mlp.0.weight"] == "blocks.0.mlp.fc1.weight"


def test_densenets_old_names_are_known(tmp_path: Path) -> None:
    network = lively("densenet121")
    weights = network.state_dict()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name): values for name, values in weights.items()
    }
    old = {name: values for name, values in old.items() if not name.endswith("num_batches_tracked")}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "weights.pth")
    found = open_trained(tmp_path / "weights.pth", architecture="densenet121", classes=CLASSES, given={"size": 64})
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected, logits = network(images), found.network(images)
    assert (logits - expected).norm() < 1e-5 * expected.norm()


@pytest.mark.parametrize("name", ["densenet121", "densenet161"])
def test_densenets_names_are_timms(name: str) -> None:
    tensors = torchvisions_tensors(name)
    assert tensors is not None
    assert all(ours in ("", theirs) for theirs, ours in tensors.names.items())
    assert not tensors.shapes
    assert not tensors.epsilons


def test_networks_that_torchvision_does_not_have() -> None:
    assert torchvisions_tensors("resnet18") is None  # with timm's names
    assert torchvisions_tensors("starnet_s1") is None


@pytest.mark.parametrize("name", ["efficientnet_b5", "efficientnet_v2_m", "mnasnet0_5", "regnet_x_8gf", "vgg13_bn"])
def test_every_tensor_has_its_place(name: str) -> None:
    tensors = torchvisions_tensors(NETWORKS[name])
    assert tensors is not None
    own = [ours for ours in tensors.names.values() if ours]
    assert len(own) == len(set(own))


def test_a_published_file_is_known_by_its_digest() -> None:
    found = torchvisions_config("f37072fd" + "0" * 56)
    assert found is not None
    said = {"input_size": [3, 224, 224], "crop_pct": 0.875, "interpolation": "bilinear"}
    assert found.architecture == "resnet18"
    assert {name: found.input[name] for name in said} == said
    found = torchvisions_config("7ebf99e0" + "0" * 56)  # the second weights of one network
    assert found is not None
    assert (found.architecture, found.input["crop_pct"]) == ("mobilenetv2_100", 224 / 232)
    assert torchvisions_config("0" * 64) is None


@pytest.mark.parametrize(("crop", "resized"), [(224, 256), (224, 232), (240, 255), (8, 93)])
def test_the_share_of_a_crop_gives_its_image(crop: int, resized: int) -> None:
    assert int(crop / crop_share(crop, resized)) == resized
