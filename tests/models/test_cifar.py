"""groupnl.models.cifar: the stem is small, the rest timm's; and what becomes GroupNL."""

import timm
import torch
from torch import nn

from groupnl.layers import GroupNLConv2d
from groupnl.models import VARIANTS
from groupnl.models.registry import CIFAR


def test_the_stem_keeps_the_sides_and_the_rest_is_timms() -> None:
    network, usual = timm.create_model("resnet18_cifar").eval(), timm.create_model("resnet18", num_classes=10)
    stem = network.get_submodule("conv1")
    assert isinstance(stem, nn.Conv2d)
    assert (stem.kernel_size, stem.stride, stem.padding, stem.bias) == ((3, 3), (1, 1), (1, 1), None)
    assert isinstance(network.get_submodule("maxpool"), nn.Identity)
    others = [{k: v.shape for k, v in each.state_dict().items() if k != "conv1.weight"} for each in (network, usual)]
    assert others[0] == others[1]
    with torch.no_grad():
        assert network.forward_features(torch.zeros(1, 3, 32, 32)).shape == (1, 512, 4, 4)
    assert sum(each.numel() for each in network.parameters()) == 11_173_962  # of the usual ResNet-18 for CIFAR-10


def test_timms_arguments_and_its_description_hold() -> None:
    network = timm.create_model("resnet18_cifar", num_classes=100, in_chans=1)
    assert network(torch.zeros(2, 1, 32, 32)).shape == (2, 100)
    config = network.pretrained_cfg
    assert (config["architecture"], config["input_size"], config["crop_pct"]) == ("resnet18_cifar", (3, 32, 32), 1.0)
    features = timm.create_model("resnet18_cifar", features_only=True)
    assert [32 // maps.shape[-1] for maps in features(torch.zeros(1, 3, 32, 32))] == features.feature_info.reduction()


def test_all_convolutions_of_3x3_and_stride_1_in_basic_blocks_become_groupnl() -> None:
    network = timm.create_model("gnl_std_r2_resnet18_cifar")
    swapped = {name for name, module in network.named_modules() if isinstance(module, GroupNLConv2d)}
    strided = {f"layer{layer}.0.conv1" for layer in (2, 3, 4)}
    blocks = {f"layer{layer}.{block}.conv{place}" for layer in (1, 2, 3, 4) for block in (0, 1) for place in (1, 2)}
    assert swapped == blocks - strided
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_all_are_registered_beside_their_twins() -> None:
    assert {variant.twin for variant in CIFAR} == {"resnet18_cifar", "resnet50_cifar", "resnet101_cifar"}
    assert len(CIFAR) == 6
    assert all(VARIANTS[variant.name] is variant and timm.is_model(variant.name) for variant in CIFAR)
