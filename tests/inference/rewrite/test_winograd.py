"""Which 3x3 convolutions the kernel takes, what joins them, and that networks compute the same."""

from collections.abc import Callable

import pytest
import torch
from support.traced import kinds
from torch import Tensor, fx, nn

from groupnl.inference.native import build as native
from groupnl.inference.rewrite import to_inference
from groupnl.inference.rewrite.native_block import join_convolutions
from groupnl.inference.rewrite.native_layer import FinishedGroupNL, use_native_layers
from groupnl.inference.rewrite.winograd import Winograd, can_be_winograd, use_winograd
from groupnl.models.architecture import create

pytestmark = pytest.mark.slow

TOLERANCE = 1e-5  # of the result's norm


class Edge(nn.Module):
    """A fused inverted residual (EdgeTPU's), whose parts can be changed."""

    def __init__(self, **changes: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.expand = changes.get("expand", nn.Conv2d(16, 32, 3, padding=1, bias=False))
        self.norm1 = nn.BatchNorm2d(32)
        self.act = changes.get("act", nn.ReLU6(inplace=True))
        self.project = changes.get("project", nn.Conv2d(32, 16, 1, bias=False))
        self.norm2 = nn.BatchNorm2d(16)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 16, H, W) -> (B, 16, H, W)."""
        projected: Tensor = self.norm2(self.project(self.act(self.norm1(self.expand(x)))))
        return projected + x


class Basic(nn.Module):
    """A residual of two 3x3 convolutions."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = (nn.Conv2d(16, 16, 3, padding="same") for _ in range(2))
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, 16, H, W) -> (B, 16, H, W)."""
        return self.act(self.second(self.act(self.first(x))) + x)


class Bottleneck(nn.Module):
    """Whose input is not the convolution's."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.reduce, self.conv, self.expand = nn.Conv2d(16, 8, 1), nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 16, 1)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, 16, H, W) -> (B, 16, H, W)."""
        return self.act(self.expand(self.act(self.conv(self.act(self.reduce(x))))) + x)


def rewritten(network: nn.Module, variant: native.Variant) -> fx.GraphModule:
    graph = to_inference(network, reorder=False)
    use_winograd(graph, variant)
    graph.graph.lint()
    return graph


def assert_same(graph: fx.GraphModule, network: nn.Module, channels: int = 16) -> None:
    torch.manual_seed(1)
    x = torch.randn(2, channels, 9, 14)
    with torch.no_grad():
        found, expected = graph(x.contiguous(memory_format=torch.channels_last)), network.eval()(x)
    assert (found - expected).norm() <= TOLERANCE * expected.norm()


def test_a_fused_residual_is_one_call(float32_kernels: native.Variant) -> None:
    network = Edge()
    graph = rewritten(network, float32_kernels)
    assert kinds(graph) == ["Winograd"]
    assert_same(graph, network)


def test_a_residual_is_two_calls(float32_kernels: native.Variant) -> None:
    network = Basic()
    graph = rewritten(network, float32_kernels)
    assert kinds(graph) == ["Winograd", "Winograd", "add", "ReLU"]
    assert_same(graph, network)


def test_what_others_add_is_left_to_them(float32_kernels: native.Variant) -> None:
    network = Bottleneck()
    graph = rewritten(network, float32_kernels)
    assert kinds(graph) == ["Conv2d", "ReLU", "Winograd", "Conv2d", "add", "ReLU"]
    assert_same(graph, network)


def conv(inputs: int = 16, outputs: int = 32, kernel: int = 3, **options: object) -> nn.Conv2d:
    options.setdefault("padding", 1)
    return nn.Conv2d(inputs, outputs, kernel, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        conv(stride=2),
        conv(stride=(1, 2)),
        conv(dilation=2, padding=2),
        conv(groups=2),
        conv(padding=0),
        conv(padding="valid"),
        conv(padding=(1, 0)),
        conv(padding_mode="reflect"),
        conv(kernel=5, padding=2),
        conv(kernel=1, padding=0),
        conv(7),
        nn.ConvTranspose2d(16, 32, 3, padding=1),
    ],
    ids=str,
)
def test_other_convolutions_are_left(float32_kernels: native.Variant, other: nn.Module) -> None:
    network = nn.Sequential(other)
    graph = rewritten(network, float32_kernels)
    assert kinds(graph) == [type(other).__name__]
    assert_same(graph, network, 7 if isinstance(other, nn.Conv2d) and other.in_channels == 7 else 16)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"act": nn.GELU()}, ["Winograd", "GELU", "Conv2d", "add"]),
        ({"act": nn.Identity()}, ["Winograd"]),
        ({"project": nn.Conv2d(32, 16, 1, groups=2)}, ["Winograd", "Conv2d", "add"]),
        ({"project": nn.Conv2d(32, 16, 3, padding=1)}, ["Winograd", "Winograd", "add"]),
    ],
)
def test_other_parts_are_left(float32_kernels: native.Variant, changes: dict[str, nn.Module], left: list[str]) -> None:
    network = Edge(**changes)
    graph = rewritten(network, float32_kernels)
    assert kinds(graph) == left
    assert_same(graph, network)


class Shared(Edge):
    """Uses what lies inside once more."""

    def __init__(self, where: str) -> None:
        super().__init__(act=nn.ReLU6())
        self.where = where

    def forward(self, x: Tensor) -> Tensor:
        """(B, 16, H, W) -> (B, 16, H, W)."""
        expanded = self.norm1(self.expand(x))
        active = self.act(expanded)
        projected = self.norm2(self.project(active))
        used = {"expanded": expanded, "active": active, "projected": projected, "input": x}[self.where]
        summed: Tensor = projected + x
        return summed * used.mean(1, keepdim=True)


@pytest.mark.parametrize("where", ["expanded", "active", "projected", "input"])
def test_what_is_used_elsewhere_is_still_there(float32_kernels: native.Variant, where: str) -> None:
    network = Shared(where)
    assert_same(rewritten(network, float32_kernels), network)


@pytest.mark.parametrize("write", [nn.ReLU(inplace=True), torch.relu_, lambda x: x.mul_(3)])
def test_what_is_written_in_place_is_read_when_it_was(
    float32_kernels: native.Variant, write: Callable[[Tensor], Tensor]
) -> None:
    class Overwritten(Edge):
        def __init__(self) -> None:
            super().__init__()
            self.write = write

        def forward(self, x: Tensor) -> Tensor:
            x = x * 1  # the caller's own stays
            expanded = self.expand(x)
            self.write(x)
            projected: Tensor = self.norm2(self.project(self.act(self.norm1(expanded))))
            return projected + x

    network = Overwritten()
    assert_same(rewritten(network, float32_kernels), network)


def test_a_convolution_that_two_call_is_left(float32_kernels: native.Variant) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = conv(16, 16)

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.conv(self.conv(x))
            return result

    network = Twice()
    graph = rewritten(network, float32_kernels)
    assert kinds(graph) == ["Conv2d", "Conv2d"]
    assert_same(graph, network)


@pytest.mark.parametrize("name", ["efficientnet_gnl_es", "efficientnetv2_s", "gnl_std_r4_resnet50", "resnet18"])
def test_whole_networks(float32_kernels: native.Variant, name: str) -> None:
    torch.manual_seed(0)
    network = create(name, 10).eval()
    graph = to_inference(network, reorder=False)
    use_native_layers(graph, float32_kernels)
    join_convolutions(graph)
    assert use_winograd(graph, float32_kernels) == sum(isinstance(module, Winograd) for module in graph.modules()) > 0
    if name == "gnl_std_r4_resnet50":
        finished = [module for module in graph.modules() if isinstance(module, FinishedGroupNL)]
        assert any(isinstance(layer.conv, Winograd) for layer in finished)
    x = torch.randn(2, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        found, expected = graph(x), network(x)
    assert (found - expected).norm() <= TOLERANCE * expected.norm()


def test_bfloat16_is_too_short_for_it() -> None:
    for variant in native.VARIANTS:
        assert can_be_winograd(conv(), variant) == (variant.dtype == torch.float32)
        assert ("winograd_layer" in [source.stem for source in variant.sources]) == (variant.dtype == torch.float32)
