"""Which 1x1 convolutions join the native kernels' calls, and that they compute the same."""

from collections.abc import Callable

import pytest
import torch
from support.traced import kinds
from timm.layers import Conv2dSame
from torch import Tensor, fx, nn

from groupnl.inference.native import build as native
from groupnl.inference.rewrite import to_inference
from groupnl.inference.rewrite.native_block import GatedPointwise, Gates, join_convolutions
from groupnl.inference.rewrite.native_layer import NativeGroupNL, use_native_layers
from groupnl.layers import GroupNLConv2d
from groupnl.models.architecture import create
from groupnl.models.families import like

pytestmark = pytest.mark.slow

# Of the result's norm.
TOLERANCES = {torch.bfloat16: 3e-2, torch.float32: 2e-5}


def norm(channels: int) -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(channels)
    assert layer.running_mean is not None
    layer.running_mean.normal_(0, 0.1)
    return layer


class Residual(nn.Module):
    """An inverted residual, whose parts can be changed."""

    def __init__(self, **changes: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.expand = changes.get("expand", nn.Conv2d(8, 32, 1, bias=False))
        self.norm1 = norm(32)
        self.act1 = changes.get("act1", nn.ReLU6())
        self.layer = GroupNLConv2d(32, 32, 3, padding=1, sparse=True)
        self.norm2, self.act2 = norm(32), nn.ReLU6()
        self.project = changes.get("project", nn.Conv2d(32, 8, 1, bias=False))
        self.norm3 = norm(8)

    def inner(self, x: Tensor) -> Tensor:
        maps: Tensor = self.act2(self.norm2(self.layer(self.act1(self.norm1(self.expand(x))))))
        return maps

    def forward(self, x: Tensor) -> Tensor:
        """(B, 8, H, W) -> (B, 8, H, W)."""
        projected: Tensor = self.norm3(self.project(self.inner(x)))
        return projected + x


class Strided(Residual):
    """With a layer of stride 2 that pads as TensorFlow does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = like(Conv2dSame(32, 32, 3, stride=2, groups=32, bias=False), ratio=2, sparse=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 8, H, W) -> (B, 8, H / 2, W / 2), rounded up."""
        projected: Tensor = self.norm3(self.project(self.inner(x)))
        return projected


def mean(maps: Tensor) -> Tensor:
    return maps.mean((2, 3), keepdim=True)


class Gated(Residual):
    """With squeeze and excitation."""

    def __init__(self, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.pool = pool
        self.squeeze, self.act3 = nn.Conv2d(32, 4, 1), nn.ReLU()
        self.excite = nn.Conv2d(4, 32, 1)
        self.gate: nn.Module = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """(B, 8, H, W) -> (B, 8, H, W)."""
        maps = self.inner(x)
        gates = self.gate(self.excite(self.act3(self.squeeze(self.pool(maps)))))
        projected: Tensor = self.norm3(self.project(maps * gates))
        return x + projected


def joined(network: nn.Module, variant: native.Variant) -> fx.GraphModule:
    graph = to_inference(network, reorder=False)
    assert use_native_layers(graph, variant)
    join_convolutions(graph)
    graph.graph.lint()
    return graph


def only_layer(graph: fx.GraphModule) -> NativeGroupNL:
    (layer,) = (module for module in graph.modules() if isinstance(module, NativeGroupNL))
    return layer


def assert_same(graph: fx.GraphModule, network: nn.Module, variant: native.Variant) -> None:
    torch.manual_seed(1)
    x = torch.randn(2, 8, 9, 14).bfloat16().float()
    with torch.no_grad(), torch.autocast("cpu", variant.dtype, enabled=variant.dtype != torch.float32):
        found = graph(x.contiguous(memory_format=torch.channels_last))
    with torch.no_grad():
        expected = network.eval()(x)
    assert (found.float() - expected).norm() <= TOLERANCES[variant.dtype] * expected.norm()


def test_an_inverted_residual_is_one_call(kernels: native.Variant) -> None:
    network = Residual()
    graph = joined(network, kernels)
    assert kinds(graph) == ["NativeGroupNL"]
    assert only_layer(graph).has_shortcut
    assert_same(graph, network, kernels)


def test_padding_that_the_kernel_does_not_know_comes_before_it(kernels: native.Variant) -> None:
    network = Strided()
    graph = joined(network, kernels)
    assert kinds(graph) == ["Conv2d", "ReLU6", "NativeGroupNL"]
    assert_same(graph, network, kernels)  # of 9 x 14 pixels, whose rows and columns are padded differently


def test_with_squeeze_and_excitation_it_is_three(kernels: native.Variant) -> None:
    network = Gated(mean)
    graph = joined(network, kernels)
    assert kinds(graph) == ["NativeGroupNL", "Gates", "GatedPointwise"]
    assert_same(graph, network, kernels)


def test_gates_may_be_hard(kernels: native.Variant) -> None:
    network = Gated(mean)
    network.gate = nn.Hardsigmoid()
    graph = joined(network, kernels)
    assert kinds(graph) == ["NativeGroupNL", "Gates", "GatedPointwise"]
    assert_same(graph, network, kernels)


@pytest.mark.parametrize("part", ["act3", "gate"])
def test_other_activations_of_gates_are_left(kernels: native.Variant, part: str) -> None:
    network = Gated(mean)
    setattr(network, part, nn.GELU())
    graph = joined(network, kernels)
    assert "GELU" in kinds(graph)
    assert kinds(graph)[-1] == "GatedPointwise"
    assert_same(graph, network, kernels)


def test_other_products_are_no_gates(kernels: native.Variant) -> None:
    network = Gated(lambda maps: maps)
    graph = joined(network, kernels)
    assert "mul" in kinds(graph)
    assert not any(isinstance(module, GatedPointwise) for module in graph.modules())
    assert_same(graph, network, kernels)


@pytest.mark.parametrize("width", [1, 32])
def test_there_is_a_gate_for_each_channel(kernels: native.Variant, width: int) -> None:
    network = Gated(mean)
    network.excite = nn.Conv2d(4, width, 1)
    graph = joined(network, kernels)
    assert any(isinstance(module, GatedPointwise) for module in graph.modules()) == (width == 32)
    assert_same(graph, network, kernels)


def test_gates_of_another_size_are_left(kernels: native.Variant) -> None:
    network = Gated(mean)
    network.act3 = nn.Sequential(nn.ReLU(), nn.Upsample(size=(9, 14)))
    graph = joined(network, kernels)
    assert not any(isinstance(module, GatedPointwise) for module in graph.modules())
    assert_same(graph, network, kernels)


class Added(Gated):
    """Adds something to what is projected."""

    def __init__(self, other: Callable[[Tensor, Tensor], Tensor], width: int) -> None:
        super().__init__(mean)
        self.other = other
        self.project, self.norm3 = nn.Conv2d(32, width, 1), norm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 8, H, W) -> (B, 8 or width, H, W)."""
        maps = self.inner(x)
        gates = self.gate(self.excite(self.act3(self.squeeze(self.pool(maps)))))
        return self.plus(x, self.norm3(self.project(maps * gates)))

    def plus(self, x: Tensor, projected: Tensor) -> Tensor:
        return projected + self.other(x, projected)


class AddedToPlain(Added):
    """Without gates."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, 8, H, W) -> (B, 8 or width, H, W)."""
        return self.plus(x, self.norm3(self.project(self.inner(x))))


@pytest.mark.parametrize("kind", [Added, AddedToPlain])
@pytest.mark.parametrize(
    ("other", "width", "is_joined"),
    [
        (lambda x, projected: x, 8, True),
        (lambda x, projected: x, 1, False),
        (lambda x, projected: x.mean(1, keepdim=True), 8, False),
        (lambda x, projected: projected, 8, False),
        (lambda x, projected: x.shape[0], 8, False),
    ],
)
def test_only_the_input_is_a_shortcut(
    kernels: native.Variant,
    kind: type[Added],
    other: Callable[[Tensor, Tensor], Tensor],
    width: int,
    is_joined: bool,
) -> None:
    network = kind(other, width)
    graph = joined(network, kernels)
    assert ("add" not in kinds(graph)) == is_joined
    assert_same(graph, network, kernels)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"expand": nn.Conv2d(8, 32, 3, padding=1, bias=False)}, ["Conv2d", "ReLU6"]),
        ({"expand": nn.Conv2d(8, 32, 1, groups=2, bias=False)}, ["Conv2d", "ReLU6"]),
        ({"act1": nn.GELU()}, ["Conv2d", "GELU"]),
    ],
)
def test_other_expansions_are_left(kernels: native.Variant, changes: dict[str, nn.Module], left: list[str]) -> None:
    network = Residual(**changes)
    graph = joined(network, kernels)
    assert kinds(graph) == [*left, "NativeGroupNL", "add"]
    assert not only_layer(graph).has_shortcut
    assert_same(graph, network, kernels)


@pytest.mark.parametrize("project", [nn.Conv2d(32, 8, 3, padding=1, bias=False), nn.Conv2d(32, 8, 1, groups=2)])
def test_other_projections_are_left(kernels: native.Variant, project: nn.Module) -> None:
    network = Residual(project=project)
    graph = joined(network, kernels)
    assert kinds(graph) == ["NativeGroupNL", "Conv2d", "add"]
    assert_same(graph, network, kernels)


class Shared(Residual):
    """Uses what lies inside once more."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def forward(self, x: Tensor) -> Tensor:
        """(B, 8, H, W) -> (B, 8, H, W)."""
        expanded = self.norm1(self.expand(x))
        active = self.act1(expanded)
        maps = self.act2(self.norm2(self.layer(active)))
        projected: Tensor = self.norm3(self.project(maps))
        used = {"expanded": expanded, "active": active, "maps": maps, "projected": projected, "input": x}[self.where]
        return projected + used.mean(1, keepdim=True)


@pytest.mark.parametrize("where", ["expanded", "active", "maps", "projected", "input"])
def test_what_is_used_elsewhere_is_still_there(kernels: native.Variant, where: str) -> None:
    network = Shared(where)
    graph = joined(network, kernels)
    assert not only_layer(graph).has_shortcut
    assert_same(graph, network, kernels)


def relu_in_place(x: Tensor) -> Tensor:
    return nn.functional.relu(x, inplace=True)


class Overwritten(Gated):
    """Changes in place what the block reads: its input, its maps, its gates."""

    def __init__(self, where: str, write: Callable[[Tensor], Tensor], *, gated: bool) -> None:
        super().__init__(mean)
        self.where, self.write, self.gated = where, write, gated

    def forward(self, x: Tensor) -> Tensor:
        """(B, 8, H, W) -> (B, 8, H, W)."""
        x = x * 1  # the caller's own stays
        expanded = self.expand(x)
        if self.where == "input":
            self.write(x)
        maps = self.act2(self.norm2(self.layer(self.act1(self.norm1(expanded)))))
        if not self.gated:
            return x + self.norm3(self.project(maps))
        pooled = self.pool(maps)
        if self.where == "maps":
            self.write(maps)
        gates = self.gate(self.excite(self.act3(self.squeeze(pooled))))
        gated = maps * gates
        if self.where == "gates":
            self.write(gates)
        return x + self.norm3(self.project(gated)) + gates.mean()


@pytest.mark.parametrize(
    "write",
    [nn.ReLU(inplace=True), relu_in_place, torch.relu_, lambda x: x.mul_(3)],
)
@pytest.mark.parametrize(("where", "gated"), [("input", False), ("input", True), ("maps", True), ("gates", True)])
def test_what_is_written_in_place_is_read_when_it_was(
    kernels: native.Variant, where: str, gated: bool, write: Callable[[Tensor], Tensor]
) -> None:
    network = Overwritten(where, write, gated=gated)
    assert_same(joined(network, kernels), network, kernels)


def test_a_convolution_that_two_call_is_left(kernels: native.Variant) -> None:
    class Twice(Residual):
        def forward(self, x: Tensor) -> Tensor:
            once: Tensor = super().forward(x)
            return once + self.expand(x).mean(1, keepdim=True)

    network = Twice()
    graph = joined(network, kernels)
    assert only_layer(graph).expand is None
    assert_same(graph, network, kernels)


@pytest.mark.parametrize("name", ["mobilenetv2_gnl_100", "mobilenetv3_gnl_small_100", "efficientnet_gnl_b0"])
def test_published_networks_are_joined(kernels: native.Variant, name: str) -> None:
    torch.manual_seed(0)
    network = create(name, num_classes=10).eval()
    graph = joined(network, kernels)
    layers = [module for module in graph.modules() if isinstance(module, NativeGroupNL)]
    gated = [module for module in graph.modules() if isinstance(module, GatedPointwise)]
    assert sum(isinstance(module, Gates) for module in graph.modules()) == len(gated)
    assert all(layer.expand for layer in layers[1:])
    assert sum(layer.project is not None for layer in layers) + len(gated) == len(layers)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad(), torch.autocast("cpu", kernels.dtype, enabled=kernels.dtype != torch.float32):
        found = graph(x.contiguous(memory_format=torch.channels_last)).float()
    with torch.no_grad():
        expected = network(x)
    tolerance = 5e-5 if kernels.dtype == torch.float32 else 0.15
    assert (found - expected).norm() <= tolerance * expected.norm()
