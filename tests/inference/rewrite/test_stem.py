"""Which networks take pixels, and that they compute the same."""

import pytest
import torch
from support.traced import kinds
from timm.layers import Conv2dSame
from torch import Tensor, fx, nn

from groupnl.card import InputConfig
from groupnl.inference.native import build as native
from groupnl.inference.pixels import PixelNetwork
from groupnl.inference.rewrite import to_inference
from groupnl.inference.rewrite.stem import use_stem
from groupnl.models.architecture import create

pytestmark = pytest.mark.slow

TOLERANCES = {torch.bfloat16: 2e-2, torch.float32: 1e-5}  # of the result's norm


def config(size: int) -> InputConfig:
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    return InputConfig(size=size, mean=mean, std=std, crop_pct=0.875, interpolation="bicubic")


def pixels(size: int) -> Tensor:
    torch.manual_seed(size)
    values = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8)
    return values.contiguous(memory_format=torch.channels_last)


def assert_same(graph: fx.GraphModule, network: nn.Module, variant: native.Variant, size: int) -> None:
    graph.graph.lint()
    with torch.no_grad(), torch.autocast("cpu", variant.dtype, enabled=variant.dtype != torch.float32):
        found = graph(pixels(size)).float()
    with torch.no_grad():
        expected = PixelNetwork(network, config(size)).eval()(pixels(size))
    assert (found - expected).norm() <= TOLERANCES[variant.dtype] * expected.norm()


def conv(kernel: int = 3, stride: int = 2, padding: int | str = 1, **options: object) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(3, 16, kernel, stride, padding, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "first",
    [
        conv(),
        conv(bias=False),
        conv(7, 2, 3),
        conv(7, 4, 2),
        conv(5, 1, "same"),
        conv(3, 3, "valid"),
        Conv2dSame(3, 16, 3, stride=2),
        Conv2dSame(3, 16, 5, stride=2, bias=False),
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [32, 33])
def test_a_first_convolution_takes_pixels(kernels: native.Variant, first: nn.Conv2d, size: int) -> None:
    network = nn.Sequential(first, nn.BatchNorm2d(16), nn.SiLU(), nn.Conv2d(16, 8, 1))
    graph = to_inference(network, reorder=False)
    assert use_stem(graph, config(size), kernels)
    assert kinds(graph) == ["Stem", "Conv2d"]
    assert_same(graph, network, kernels, size)


def test_other_activations_follow_it(kernels: native.Variant) -> None:
    network = nn.Sequential(conv(), nn.GELU())
    graph = to_inference(network, reorder=False)
    assert use_stem(graph, config(32), kernels)
    assert kinds(graph) == ["Stem", "GELU"]
    assert_same(graph, network, kernels, 32)


class Twice(nn.Module):
    """Looks at its input twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv()

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 16, H / 2, W / 2)."""
        result: Tensor = self.conv(x) + x.mean((1, 2, 3), keepdim=True)
        return result


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(conv(16, 16, 0)),
        nn.Sequential(conv(4, 4, 0)),
        nn.Sequential(conv(dilation=2, padding=2)),
        nn.Sequential(conv(padding_mode="reflect")),
        nn.Sequential(nn.Conv2d(3, 16, (3, 5), 2, 1)),
        nn.Sequential(nn.Conv2d(3, 16, 3, (1, 2), 1)),
        nn.Sequential(nn.Conv2d(3, 16, 3, 2, (1, 0))),
        nn.Sequential(nn.Conv2d(3, 9, 3, padding=1, groups=3)),
        nn.Sequential(nn.Conv2d(1, 16, 3)),
        nn.Sequential(nn.AvgPool2d(2), conv()),
        Twice(),
    ],
    ids=str,
)
def test_other_networks_take_images(network: nn.Module) -> None:
    graph = to_inference(network, reorder=False)
    before = kinds(graph)
    assert not use_stem(graph, config(32), native.VARIANTS[0])
    assert kinds(graph) == before


@pytest.mark.parametrize("name", ["mobilenetv3_gnl_small_100", "tf_efficientnet_lite0", "gnl_resnet50"])
def test_whole_networks(kernels: native.Variant, name: str) -> None:
    torch.manual_seed(0)
    network = create(name, 10).eval()
    graph = to_inference(network)
    assert use_stem(graph, config(64), kernels)
    if kernels.dtype == torch.float32:
        assert_same(graph, network, kernels, 64)
