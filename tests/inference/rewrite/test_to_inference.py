import copy

import pytest
import torch
from support.networks import with_lively_norms
from torch import nn

from groupnl.inference.rewrite import to_inference
from groupnl.inference.rewrite.fused import FusedGroupNL
from groupnl.layers import GroupNLConv2d
from groupnl.models.registry import TINY, VARIANTS

pytestmark = pytest.mark.slow

EXACT = 1e-5  # relative error of the logits
NAMES = [name for name in VARIANTS if name != TINY.name]
TWINS = sorted({VARIANTS[name].twin for name in NAMES})


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("name", NAMES)
def test_networks_compute_the_same(name: str) -> None:
    network = with_lively_norms(name)
    layers = [module for module in network.modules() if isinstance(module, GroupNLConv2d)]
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = network(images)
        rewritten = to_inference(network)
        grouped = to_inference(network, reorder=False)
        assert relative_error(rewritten(images), expected) < EXACT
        assert relative_error(grouped(images), expected) < EXACT
    fused = [module for module in rewritten.modules() if isinstance(module, FusedGroupNL)]
    assert len(fused) == len(layers)
    # A basic block's first layer reads what its shortcut reads, too, so that those channels keep their order.
    if "resnet18" not in name:
        assert all(module.conv.groups in (1, module.conv.in_channels) for module in fused), "a sparse layer was left"
    assert not any(isinstance(module, nn.BatchNorm2d) for module in rewritten.modules())
    assert not any(parameter.requires_grad for parameter in rewritten.parameters())


@pytest.mark.parametrize("name", TWINS)
def test_twins_compute_the_same(name: str) -> None:
    network = with_lively_norms(name)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        rewritten = to_inference(network)
        assert relative_error(rewritten(images), network(images)) < EXACT
    assert not any(isinstance(module, nn.BatchNorm2d) for module in rewritten.modules())


def test_the_network_is_left_as_it_is() -> None:
    network = with_lively_norms(TINY.name)
    before = copy.deepcopy(network.state_dict())
    to_inference(network)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert any(isinstance(module, GroupNLConv2d) for module in network.modules())


def test_dilated_networks_compute_the_same() -> None:
    network = with_lively_norms("gnl_resnet50", output_stride=8)
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert relative_error(to_inference(network)(images), network(images)) < EXACT


class Block(nn.Module):
    """A sparse layer whose input is also read by something else."""

    def __init__(self, layer: GroupNLConv2d, reader: nn.Module) -> None:
        super().__init__()
        self.before = nn.Conv2d(3, 16, 1)
        self.act = nn.ReLU(inplace=True)
        self.layer, self.norm, self.reader = layer, nn.BatchNorm2d(16), reader

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.before(x))
        return self.norm(self.layer(x)) + self.reader(x)


@pytest.mark.parametrize("reader", [nn.Conv2d(16, 16, 1), nn.Softmax(1), nn.Conv2d(16, 16, 3, padding=1, groups=16)])
@pytest.mark.parametrize(
    "options", [{}, {"ratio": 4, "num_terms": 2}, {"shuffle": True}, {"bias": True}, {"sine_scale": "sqrt"}]
)
def test_channels_are_reordered_only_where_all_readers_follow(reader: nn.Module, options: dict[str, object]) -> None:
    torch.manual_seed(0)
    block = Block(GroupNLConv2d(16, 16, 3, padding=1, sparse=True, **options), reader).eval()  # type: ignore[arg-type]
    rewritten = to_inference(block)
    images = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(rewritten(images), block(images), rtol=1e-5, atol=1e-5)
    fused = next(module for module in rewritten.modules() if isinstance(module, FusedGroupNL))
    can_follow = isinstance(reader, nn.Conv2d) and reader.groups == 1 and "bias" not in options
    assert (fused.parts > 1) is can_follow


def test_seeds_of_zero_stay_zero() -> None:
    layer = GroupNLConv2d(8, 8, 1, sparse=True)
    nn.init.zeros_(layer.conv1.weight)
    block = nn.Sequential(nn.Conv2d(3, 8, 1), layer, nn.BatchNorm2d(8)).eval()
    images = torch.randn(1, 3, 4, 4)
    with torch.no_grad():
        found = to_inference(block)(images)
        torch.testing.assert_close(found, block(images))
    assert not found[:, :4].any()
