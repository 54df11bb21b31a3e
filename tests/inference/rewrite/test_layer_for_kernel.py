"""Which layers the native kernel takes, and the polynomials that stand for their sines."""

import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn

from groupnl.inference.rewrite.fused import FusedGroupNL
from groupnl.inference.rewrite.native_layer import can_be_finished, can_be_native, degree_needed, sine_polynomials
from groupnl.layers import GroupNLConv2d
from groupnl.models.families import like

BFLOAT16 = torch.bfloat16


def fused(activation: nn.Module | None = None, **options: object) -> FusedGroupNL:
    torch.manual_seed(0)
    geometry = {"kernel_size": 3, "padding": 1, "sparse": True} | options
    layer = GroupNLConv2d(16, 16, **geometry)  # type: ignore[arg-type]
    return FusedGroupNL(layer, torch.rand(16) + 0.5, torch.randn(16), activation or nn.ReLU())


@pytest.mark.parametrize("options", [{}, {"kernel_size": 5, "padding": 2}, {"stride": 2}, {"shift_law": "declared"}])
def test_published_layers_are_taken(options: dict[str, object]) -> None:
    assert can_be_native(fused(**options), BFLOAT16)


@pytest.mark.parametrize(
    "options",
    [
        {"sparse": False},
        {"ratio": 4, "num_terms": 2},
        {"kernel_size": (3, 5), "padding": (1, 2)},
        {"padding": "same"},
        {"padding_mode": "reflect"},
        {"dilation": 2},
        {"shuffle": True},
        {"bias": True},
        {"activation": nn.GELU()},
    ],
)
def test_others_are_left(options: dict[str, object]) -> None:
    assert not can_be_native(fused(**options), BFLOAT16)  # type: ignore[arg-type]


@pytest.mark.parametrize(("channels", "taken"), [(16, True), (128, False)])
def test_scaled_seeds_are_taken_where_a_short_polynomial_follows_the_sine(channels: int, taken: bool) -> None:
    layer = GroupNLConv2d(channels, channels, 3, padding=1, sparse=True, sine_scale="sqrt")
    assert can_be_native(FusedGroupNL(layer, torch.ones(channels), torch.zeros(channels), nn.ReLU()), BFLOAT16) is taken


def test_layers_that_pad_as_tensorflow_does_are_taken() -> None:
    layer = like(Conv2dSame(16, 16, 3, stride=2, groups=16, bias=False), ratio=2, sparse=True)
    assert can_be_native(FusedGroupNL(layer, torch.ones(16), torch.zeros(16), nn.ReLU()), BFLOAT16)


def test_reordered_layers_are_left() -> None:
    layer = fused()
    layer.take_reordered()
    assert not can_be_native(layer, BFLOAT16)


@pytest.mark.parametrize(
    "options",
    [{"sparse": False}, {"sparse": False, "ratio": 4, "num_terms": 2}, {"dilation": 2, "padding": 2}, {"bias": True}],
)
def test_what_follows_any_convolution_is_taken(options: dict[str, object]) -> None:
    assert can_be_finished(fused(**options), BFLOAT16)


@pytest.mark.parametrize("options", [{"sparse": False, "shuffle": True}, {"sparse": False, "activation": nn.GELU()}])
def test_other_endings_are_left(options: dict[str, object]) -> None:
    assert not can_be_finished(fused(**options), BFLOAT16)  # type: ignore[arg-type]


@pytest.mark.parametrize(("dtype", "powers", "error"), [(torch.bfloat16, 8, 1e-4), (torch.float32, 11, 3e-7)])
def test_polynomials_are_the_sines(dtype: torch.dtype, powers: int, error: float) -> None:
    layer = fused()
    polynomials = sine_polynomials(layer, dtype)
    assert polynomials.dtype == torch.float32
    assert polynomials.shape == (powers, 8)
    v = torch.linspace(-1, 1, 401, dtype=torch.float64)[:, None]
    found = sum(coefficient.double() * v**power for power, coefficient in enumerate(polynomials))
    period, phase, scale, shift = (
        values.flatten().double() for values in (layer.period, layer.phase, layer.scale, layer.shift)
    )
    wave = torch.sin(v * period + phase) * scale + shift
    assert (found - wave).abs().max() < error * (scale.abs() + shift.abs()).max()


def test_faster_sines_need_longer_polynomials() -> None:
    layer = fused()
    usual = degree_needed(layer, BFLOAT16)
    assert usual is not None
    with torch.no_grad():
        layer.period.mul_(2)
    faster = degree_needed(layer, BFLOAT16)
    assert faster is not None
    assert faster > usual
    with torch.no_grad():
        layer.period.mul_(10)
    assert degree_needed(layer, BFLOAT16) is None
    assert not can_be_native(layer, BFLOAT16)
