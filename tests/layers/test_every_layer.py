"""What holds for each of the four layers alike."""

import inspect
import io
from itertools import product

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from groupnl.layers import GhostConv2d, GroupNLConv2d, MonoConv2d, SineFMConv2d

LAYERS = [GroupNLConv2d, MonoConv2d, GhostConv2d, SineFMConv2d]
every_layer = pytest.mark.parametrize("layer_class", LAYERS)


@every_layer
def test_arguments_come_in_the_order_of_conv2d(layer_class: type[nn.Module]) -> None:
    ours = inspect.signature(layer_class).parameters.values()
    theirs = inspect.signature(nn.Conv2d).parameters
    positional = [each.name for each in ours if each.kind is each.POSITIONAL_OR_KEYWORD]
    assert positional == list(theirs)
    assert all(each.kind is each.KEYWORD_ONLY for each in ours if each.name not in theirs)


@every_layer
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        *product([1, 3, 5], [1, 2], [0, 2], [1, 2]),
        ((3, 5), (2, 1), (1, 2), (1, 2)),
        (3, 1, "same", 2),
    ],
)
def test_output_has_the_shape_of_conv2d(layer_class, kernel, stride, padding, dilation) -> None:
    x = torch.randn(2, 8, 13, 11)
    geometry = (kernel, stride, padding, dilation)
    expected = nn.Conv2d(8, 16, *geometry)(x).shape
    for groups, bias in product([1, 4], [False, True]):
        assert layer_class(8, 16, *geometry, groups, bias)(x).shape == expected


@every_layer
def test_padding_modes(layer_class) -> None:
    torch.manual_seed(0)
    zeros = layer_class(8, 16, 3, 1, 1)
    circular = layer_class(8, 16, 3, 1, 1, padding_mode="circular")
    circular.load_state_dict(zeros.state_dict())
    x = torch.randn(2, 8, 6, 6)
    edge = (zeros.eval()(x) - circular.eval()(x)).abs().amax(dim=(0, 1))
    assert edge[0, 0] > 1e-3
    # Ghost pads twice.
    inside = 2 if layer_class is GhostConv2d else 1
    assert edge[inside:-inside, inside:-inside].max() < 1e-5


@every_layer
def test_float64(layer_class) -> None:
    layer = layer_class(8, 16, 3, bias=True, dtype=torch.float64)
    floating = [value for value in layer.state_dict().values() if value.is_floating_point()]
    assert all(value.dtype is torch.float64 for value in floating)
    assert layer(torch.randn(2, 8, 5, 5, dtype=torch.float64)).dtype is torch.float64


@every_layer
def test_meta_device_then_materialised(layer_class) -> None:
    layer = layer_class(8, 16, 3, bias=True, device="meta")
    assert all(value.device.type == "meta" for value in layer.state_dict().values())
    assert layer(torch.empty(2, 8, 5, 5, device="meta")).shape == (2, 16, 3, 3)
    layer.to_empty(device="cpu")
    for value in layer.state_dict().values():
        value.fill_(77)
    torch.manual_seed(0)
    layer.reset_parameters()
    torch.manual_seed(0)
    expected = layer_class(8, 16, 3, bias=True)
    torch.manual_seed(0)
    expected.reset_parameters()
    for name, value in layer.state_dict().items():
        assert torch.equal(value, expected.state_dict()[name]), name


@every_layer
@pytest.mark.parametrize(("n", "m"), [(0, 16), (8, 0), (-8, 16)])
def test_no_channels_are_refused(layer_class, n: int, m: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        layer_class(n, m, 3)


@every_layer
def test_a_seed_replays_the_layer(layer_class) -> None:
    torch.manual_seed(3)
    first = layer_class(8, 16, 3).state_dict()
    torch.manual_seed(3)
    second = layer_class(8, 16, 3).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@every_layer
def test_gradients_reach_the_input_and_all_that_is_trained(layer_class) -> None:
    layer = layer_class(8, 16, 3, bias=True)
    x = torch.randn(2, 8, 6, 6, requires_grad=True)
    layer(x).pow(3).sum().backward()
    trained = {name: value for name, value in layer.named_parameters() if value.requires_grad}
    for name, value in {"x": x, **trained}.items():
        assert value.grad is not None, name
        assert torch.isfinite(value.grad).all(), name
    for name in (name for name in trained if name.endswith("weight")):
        assert trained[name].grad.abs().max() > 0, name


@every_layer
@pytest.mark.parametrize("form", ["torch", "safetensors"])
def test_state_dict_round_trip(layer_class, form: str) -> None:
    layer, other = layer_class(8, 16, 3, bias=True), layer_class(8, 16, 3, bias=True)
    x = torch.randn(2, 8, 6, 6)
    assert not torch.equal(layer.eval()(x), other.eval()(x))
    if form == "torch":
        file = io.BytesIO()
        torch.save(layer.state_dict(), file)
        file.seek(0)
        state = torch.load(file, weights_only=True)
    else:
        state = load(save(layer.state_dict()))
    other.load_state_dict(state)
    assert torch.equal(layer(x), other(x))


@every_layer
def test_exports(layer_class) -> None:
    layer = layer_class(8, 16, 3, padding=1).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(layer, (torch.randn(2, 8, 6, 6),), dynamic_shapes=({0: batch},))
    x = torch.randn(5, 8, 6, 6)
    torch.testing.assert_close(program.module()(x), layer(x), rtol=0, atol=1e-6)


@every_layer
def test_channels_last_computes_the_same(layer_class) -> None:
    layer = layer_class(8, 16, 3, padding=1).eval()
    x = torch.randn(2, 8, 6, 6)
    expected = layer(x)
    got = layer.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


@every_layer
def test_bfloat16_autocast(layer_class) -> None:
    layer = layer_class(8, 16, 3, padding=1).eval()
    x = torch.randn(2, 8, 6, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = layer(x)
    error = (got.float() - layer(x)).norm() / layer(x).norm()
    assert error < 0.02
