"""Studies that train: the networks and what stands in them."""

import pytest
import torch
from torch import nn

from groupnl.layers import GhostConv2d, GroupNLConv2d, MonoConv2d, SineFMConv2d
from groupnl_studies.grid.kinds import KINDS, STANDARD
from groupnl_studies.grid.networks import NETWORKS, build_network, cost

PAIRS = [(name, kind) for name, design in NETWORKS.items() for kind in design.kinds]
PLACES = {"resnet18": 13, "mobilenetv2": 17}
OWN = (GhostConv2d, GroupNLConv2d, MonoConv2d, SineFMConv2d)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_every_network_answers_and_learns(name: str, kind: str) -> None:
    torch.manual_seed(0)
    network = build_network(name, kind, 7)
    logits = network(torch.randn(2, 3, 32, 32))
    assert logits.shape == (2, 7)
    logits.square().sum().backward()
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    assert all(parameter.grad is not None for parameter in trained)


@pytest.mark.parametrize(("name", "kind"), [pair for pair in PAIRS if pair[1] not in {STANDARD, "depthwise"}])
def test_the_same_places_are_replaced_by_one_kind(name: str, kind: str) -> None:
    found = [module for module in build_network(name, kind, 7).modules() if isinstance(module, OWN)]
    assert len(found) == PLACES[name]
    assert len({type(module) for module in found}) == 1


def test_resnet_keeps_its_size_in_the_first_stage_and_its_strided_convolutions() -> None:
    network = build_network("resnet18", "gnl_r2", 7)
    assert network.layer1(network.maxpool(network.conv1(torch.randn(1, 3, 32, 32)))).shape[-2:] == (32, 32)
    dense = [name for name, each in network.named_modules() if type(each) is nn.Conv2d and each.kernel_size == (3, 3)]
    kept = [name for name in dense if not name.endswith("conv1.conv1") and not name.endswith("conv2.conv1")]
    assert kept == ["conv1", "layer2.0.conv1", "layer3.0.conv1", "layer4.0.conv1"]


def test_options_of_the_names_reach_the_layers() -> None:
    def layer(kind: str) -> GroupNLConv2d:
        return build_network("resnet18", kind, 7).layer1[0].conv1  # type: ignore[no-any-return,union-attr]

    assert (layer("gnl_r2").ratio, layer("gnl_r4").ratio) == (2, 4)
    assert layer("gnl_r2").conv1.groups == 1
    assert layer("gnl_sparse").conv1.groups == 8
    assert layer("gnl_sparse_declared").shift_law == "declared"
    assert layer("gnl_r2_scaled").sine_scale == "sqrt"
    assert layer("gnl_r2").sine_scale == "none"


def test_depthwise_places_stay_as_sparse_as_the_seeds_allow() -> None:
    for kind, layer in (("ghost", GhostConv2d), ("sinefm", SineFMConv2d)):
        network = build_network("mobilenetv2", kind, 7)
        own = next(module for module in network.modules() if isinstance(module, layer))
        seeds = next(module for module in own.modules() if isinstance(module, nn.Conv2d))
        assert seeds.groups == seeds.out_channels == seeds.in_channels // 2


def test_costs_follow_the_table_of_the_layers() -> None:
    macs = {kind: cost("resnet18", kind, 10, 32).macs for kind in KINDS}
    assert macs["mono"] == macs["standard"] > macs["ghost"] > macs["gnl_r2"] > macs["gnl_r4"] > macs["gnl_sparse"]
    assert macs["gnl_sparse"] == macs["depthwise"]
    assert macs["gnl_r2"] == macs["gnl_r2_declared"] == macs["gnl_r2_scaled"]
    functions = 13 * 2 * 4  # periods and shifts, saved but never trained
    size = cost("resnet18", "gnl_r2", 10, 32)
    assert size.parameters - size.trained == functions


def test_a_seed_gives_the_same_first_weights() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build_network("resnet18", "gnl_r2", 7).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
