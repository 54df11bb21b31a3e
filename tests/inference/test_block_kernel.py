"""1x1 convolutions that the native kernels compute around a sparse layer and alone, beside formulas in float64."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from support.kernels import ACTIVATIONS
from torch import Tensor

from groupnl.inference.native import build as native
from groupnl.inference.rewrite.pointwise import packed

pytestmark = pytest.mark.slow

# Of the result's norm: what lies between the convolutions is rounded, too.
TOLERANCES = {torch.bfloat16: 6e-3, torch.float32: 2e-6}


class Conv(NamedTuple):
    """A 1x1 convolution."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """In float64."""
        return F.conv2d(x, self.weight.double(), self.bias.double())


def conv(inputs: int, outputs: int) -> Conv:
    torch.manual_seed(inputs * 1000 + outputs)
    return Conv((torch.randn(outputs, inputs, 1, 1) / inputs**0.5).bfloat16().float(), torch.randn(outputs))


class Block(NamedTuple):
    """A sparse layer and what is around it."""

    expand: Conv | None
    project: Conv | None
    weight: Tensor
    scale: Tensor
    shift: Tensor
    polynomials: Tensor
    kernel: int
    stride: int
    activation: str
    expand_activation: str
    shortcut: bool

    def native(self, x: Tensor, variant: native.Variant) -> Tensor:
        """As the kernel computes it."""
        expand = packed(*self.expand, variant) if self.expand else (None, None)
        project = packed(*self.project, variant) if self.project else (None, None)
        outputs = len(self.project.bias) if self.project else 0
        result: Tensor = variant.operators.sparse_layer(
            *(x.to(variant.dtype), self.weight.to(variant.dtype), self.scale, self.shift, self.polynomials),
            *(self.kernel, self.stride, self.kernel // 2, 1, self.activation),
            *(*expand, self.expand_activation, *project, outputs, self.shortcut),
        )
        assert result.dtype == variant.dtype
        assert result.is_contiguous(memory_format=torch.channels_last)
        return result.double()

    def formula(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """In float64; what the kernel keeps between its parts is rounded."""
        maps = x.double()
        if self.expand:
            maps = ACTIVATIONS[self.expand_activation](self.expand(maps)).to(dtype).double()
        seeds = len(self.scale)
        weight = self.weight.double().view(self.kernel, self.kernel, seeds, 2).permute(2, 3, 0, 1)
        v = F.normalize(F.conv2d(maps, weight, None, self.stride, self.kernel // 2, 1, groups=seeds), dim=1)
        columns = [row.double().view(-1, 1, 1) for row in (self.scale, self.shift, *self.polynomials)]
        wave = sum(coefficient * v**power for power, coefficient in enumerate(columns[2:]))
        maps = ACTIVATIONS[self.activation](torch.cat([v * columns[0] + columns[1], wave], 1))
        if self.project:
            maps = self.project(maps.to(dtype).double())
        return maps + x.double() if self.shortcut else maps


def block(
    inputs: int = 24,
    channels: int = 48,
    outputs: int = 24,
    *,
    kernel: int = 3,
    stride: int = 1,
    parts: tuple[bool, bool] = (True, True),
    shortcut: bool = False,
    activation: str = "relu6",
) -> Block:
    torch.manual_seed(channels)
    seeds = channels // 2
    return Block(
        expand=conv(inputs, channels) if parts[0] else None,
        project=conv(channels, outputs) if parts[1] else None,
        weight=torch.randn(kernel * kernel, channels).bfloat16(),
        scale=torch.randn(seeds) * 3,
        shift=torch.randn(seeds),
        polynomials=torch.randn(8, seeds),
        kernel=kernel,
        stride=stride,
        activation=activation,
        expand_activation=activation,
        shortcut=shortcut,
    )


def image(channels: int, height: int = 9, width: int = 14, batch: int = 2) -> Tensor:
    torch.manual_seed(height * 100 + width)
    return torch.randn(batch, channels, height, width).bfloat16().contiguous(memory_format=torch.channels_last)


def assert_close(found: Tensor, expected: Tensor, dtype: torch.dtype) -> None:
    assert found.shape == expected.shape
    assert (found - expected).norm() <= TOLERANCES[dtype] * expected.norm()
    # No single one is far off either, as a wrong edge would be.
    assert (found - expected).abs().max() <= 10 * TOLERANCES[dtype] * expected.abs().max()


def assert_right(variant: native.Variant, x: Tensor, block: Block) -> None:
    assert_close(block.native(x, variant), block.formula(x, variant.dtype), variant.dtype)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize("parts", [(True, True), (True, False), (False, True)])
def test_each_part_may_be_there(kernels: native.Variant, kernel: int, stride: int, parts: tuple[bool, bool]) -> None:
    assert_right(kernels, image(24 if parts[0] else 48), block(kernel=kernel, stride=stride, parts=parts))


@pytest.mark.parametrize("kernel", [3, 5])
def test_the_input_is_added(kernels: native.Variant, kernel: int) -> None:
    assert_right(kernels, image(24), block(kernel=kernel, shortcut=True))
    assert_right(kernels, image(48), block(outputs=48, kernel=kernel, parts=(False, True), shortcut=True))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(kernels: native.Variant, activation: str) -> None:
    assert_right(kernels, image(24), block(activation=activation))


@pytest.mark.parametrize("width", [*range(1, 18), 28, 30])
def test_any_width(kernels: native.Variant, width: int) -> None:
    for kernel, stride in ((3, 1), (5, 2)):
        assert_right(kernels, image(24, 6, width), block(kernel=kernel, stride=stride))


@pytest.mark.parametrize("outputs", [1, 8, 15, 16, 17, 24, 33, 40, 64, 72, 96, 100, 112])
def test_any_number_of_outputs(kernels: native.Variant, outputs: int) -> None:
    assert_right(kernels, image(10), block(10, 2 * outputs, outputs))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (2, 2), (30, 3)])
def test_any_size(kernels: native.Variant, height: int, width: int) -> None:
    for kernel, stride in ((3, 1), (3, 2), (5, 1), (5, 2)):
        assert_right(kernels, image(24, height, width, batch=3), block(kernel=kernel, stride=stride))


@pytest.mark.parametrize("stride", [1, 2])
def test_threads_change_nothing(kernels: native.Variant, stride: int, threads: Callable[[int], None]) -> None:
    x, plain = image(16, 56, 56, batch=3), block(16, 96, 16, kernel=5, stride=stride, shortcut=stride == 1)
    threads(1)
    alone = plain.native(x, kernels)
    for count in (2, 3):
        threads(count)
        assert torch.equal(plain.native(x, kernels), alone)


def test_images_do_not_see_each_other(kernels: native.Variant) -> None:
    x, plain = image(24, batch=5), block(kernel=5)
    assert torch.equal(plain.native(x, kernels), torch.cat([plain.native(one, kernels) for one in torch.split(x, 1)]))


def test_any_memory_order(kernels: native.Variant) -> None:
    x, plain = image(24), block(shortcut=True)
    assert torch.equal(plain.native(x.contiguous(), kernels), plain.native(x, kernels))


@pytest.mark.parametrize("shape", [(8, 24, 16), (2, 6, 1), (960, 7, 160), (50, 17, 33)])
@pytest.mark.parametrize("activation", ["none", "silu"])
@pytest.mark.parametrize(("has_gates", "has_shortcut"), [(False, False), (False, True), (True, False), (True, True)])
def test_a_convolution_alone(
    kernels: native.Variant, shape: tuple[int, int, int], activation: str, has_gates: bool, has_shortcut: bool
) -> None:
    inputs, width, outputs = shape
    plain, x, dtype = conv(inputs, outputs), image(inputs, 5, width), kernels.dtype
    gates = image(inputs, 1, 1) if has_gates else None
    shortcut = image(outputs, 5, width) if has_shortcut else None
    found = kernels.operators.pointwise_layer(
        *(x.to(dtype), *packed(*plain, kernels), outputs, activation),
        *(None if each is None else each.to(dtype) for each in (gates, shortcut)),
    )
    maps = x.double() if gates is None else (x.double() * gates.double()).to(dtype).double()
    expected = plain(maps) if shortcut is None else plain(maps) + shortcut.double()
    assert found.dtype == dtype
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert_close(found.double(), ACTIVATIONS[activation](expected), dtype)


@pytest.mark.parametrize(("gate", "function"), [("sigmoid", torch.sigmoid), ("hardsigmoid", F.hardsigmoid)])
@pytest.mark.parametrize("shape", [(3, 48, 9, 14, 12), (1, 10, 1, 1, 4), (9, 960, 7, 7, 240), (2, 33 * 2, 3, 5, 6)])
def test_gates(
    kernels: native.Variant,
    shape: tuple[int, int, int, int, int],
    gate: str,
    function: Callable[[Tensor], Tensor],
    threads: Callable[[int], None],
) -> None:
    batch, channels, height, width, squeezed = shape
    x, dtype = image(channels, height, width, batch), kernels.dtype
    squeeze, excite = conv(channels, squeezed), conv(squeezed, channels)
    arguments = (x.to(dtype), *packed(*squeeze, kernels), squeezed, "relu", *packed(*excite, kernels), gate)
    threads(2)
    found = kernels.operators.gates_layer(*arguments)
    means = x.double().mean((2, 3), keepdim=True).to(dtype).double()
    between = F.relu(squeeze(means)).to(dtype).double()
    assert found.dtype == dtype
    assert_close(found.double(), function(excite(between)), dtype)
    threads(1)
    assert torch.equal(kernels.operators.gates_layer(*arguments), found)
    torch.library.opcheck(kernels.operators.gates_layer.default, arguments)


def test_means_of_many_like_pixels_are_exact(kernels: native.Variant) -> None:
    value = torch.tensor(0.1).to(kernels.dtype)
    x = value.expand(1, 16, 300, 300).contiguous(memory_format=torch.channels_last)
    identity = packed(torch.eye(16).view(16, 16, 1, 1), torch.zeros(16), kernels)
    found = kernels.operators.gates_layer(x, *identity, 16, "none", *identity, "hardsigmoid")
    expected = F.hardsigmoid(value.double()).to(kernels.dtype)
    torch.testing.assert_close(found, expected.expand_as(found), rtol=3e-7, atol=0)


def test_gates_of_any_memory_order(kernels: native.Variant) -> None:
    x, weights = image(24).to(kernels.dtype), packed(*conv(24, 24), kernels)
    gates = torch.rand(1, 24, 1, 1).to(kernels.dtype).expand(2, -1, -1, -1)
    found, expected = (
        kernels.operators.pointwise_layer(x, *weights, 24, "none", each) for each in (gates, gates.contiguous())
    )
    assert torch.equal(found, expected)


@pytest.mark.parametrize(("activation", "far"), [("silu", [float("inf"), 0.0]), ("sigmoid", [1.0, 0.0])])
def test_what_is_beyond_all_numbers(kernels: native.Variant, activation: str, far: list[float]) -> None:
    zeros = (torch.zeros(1, 2, 1, 1), torch.tensor([0.0]))
    x = torch.zeros(1, 2, 1, 1).to(kernels.dtype)
    for bias, expected in zip((float("inf"), -1e37), far, strict=True):
        weight, _ = packed(*zeros, kernels)
        biases = torch.full((kernels.lanes,), bias)
        if activation == "silu":
            found = kernels.operators.pointwise_layer(x, weight, biases, 1, "silu")
        else:
            (squeeze, none), excite = packed(torch.zeros(2, 2, 1, 1), None, kernels), torch.zeros_like(weight)
            found = kernels.operators.gates_layer(x, squeeze, none, 2, "none", excite, biases, "sigmoid")
        assert (found.double() - expected).abs().max() < 1 if expected == 0 else (found == expected).all()


def test_wrong_gates_are_told(kernels: native.Variant) -> None:
    x, weights = image(24).to(kernels.dtype), packed(*conv(24, 24), kernels)
    gates = kernels.operators.gates_layer
    with pytest.raises(RuntimeError, match="no gate 'relu'"):
        gates(x, *weights, 24, "relu", *weights, "relu")
    with pytest.raises(RuntimeError, match="excite must be"):
        gates(x, *weights, 24, "relu", *packed(*conv(24, 64), kernels), "sigmoid")
    with pytest.raises(RuntimeError, match="squeeze must"):
        gates(image(26).to(kernels.dtype), *weights, 24, "relu", *weights, "sigmoid")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"expand": conv(24, 30)}, "expand must be"),
        ({"expand": conv(22, 48)}, "expand must be"),
        ({"project": conv(46, 24)}, "project must be"),
        ({"expand_activation": "gelu"}, "no activation 'gelu'"),
        ({"stride": 2, "shortcut": True}, "a shortcut needs"),
        ({"project": conv(48, 26), "shortcut": True}, "a shortcut needs"),
        ({"project": None, "shortcut": True}, "a shortcut needs"),
    ],
)
def test_wrong_arguments_are_told(kernels: native.Variant, changes: dict[str, object], told: str) -> None:
    with pytest.raises(RuntimeError, match=told):
        block()._replace(**changes).native(image(24), kernels)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("gates", "shortcut", "told"),
    [
        (torch.ones(2, 24, 9, 14), None, "gates must be"),
        (torch.ones(1, 24, 1, 1), None, "gates must be"),
        (torch.ones(2, 24, 1, 1, dtype=torch.float64), None, "gates must be"),
        (None, torch.ones(2, 25, 9, 14), "shortcut must be"),
        (None, torch.ones(2, 24, 9, 1), "shortcut must be"),
        (None, torch.ones(2, 24, 9, 14, dtype=torch.float64), "shortcut must be"),
    ],
)
def test_wrong_gates_and_shortcuts_are_told(
    kernels: native.Variant, gates: Tensor | None, shortcut: Tensor | None, told: str
) -> None:
    dtype = kernels.dtype
    others = (each if each is None or each.dtype == torch.float64 else each.to(dtype) for each in (gates, shortcut))
    weights = packed(*conv(24, 24), kernels)
    with pytest.raises(RuntimeError, match=told):
        kernels.operators.pointwise_layer(image(24).to(dtype), *weights, 24, "none", *others)


def test_weights_of_another_variant_are_told(kernels: native.Variant) -> None:
    weight, bias = packed(*conv(24, 24), kernels)
    x = image(24).to(kernels.dtype)
    for wrong in (
        (weight[:, :-1].contiguous(), bias),
        (weight, bias[:-1]),
        (weight.double(), bias),
        (weight.t(), bias),
    ):
        with pytest.raises(RuntimeError, match="must be"):
            kernels.operators.pointwise_layer(x, *wrong, 24, "none")


def test_compilers_know_the_shapes(kernels: native.Variant) -> None:
    plain, x, dtype = block(kernel=5, stride=2), image(24), kernels.dtype
    assert plain.expand is not None
    assert plain.project is not None
    layer = (plain.weight.to(dtype), plain.scale, plain.shift, plain.polynomials, 5, 2, 2, 1, "relu")
    around = (*packed(*plain.expand, kernels), "relu", *packed(*plain.project, kernels), 24, False)
    torch.library.opcheck(kernels.operators.sparse_layer.default, (x.to(dtype), *layer, *around))
    alone = (x.to(dtype), *packed(*conv(24, 40), kernels), 40, "relu")
    torch.library.opcheck(kernels.operators.pointwise_layer.default, alone)
