from itertools import product
from math import gcd

import numpy as np
import pytest
import torch
from support.naive_layers import Array, conv2d

from groupnl.layers import GroupNLConv2d


def naive_group_nl(layer: GroupNLConv2d, x: Array, g: int, r: int, **conv: int) -> Array:
    """The layer channel by channel, read off its definition."""
    u = conv2d(x, layer.conv1.weight.detach().numpy(), **conv)
    v = u / np.maximum(np.sqrt((u**2).sum(axis=1, keepdims=True)), 1e-12)
    periods, shifts = layer.periods.detach().numpy(), layer.shifts.detach().numpy()
    width = v.shape[1] // g
    maps = [v[:, channel] for channel in range(v.shape[1])]
    for block in range(g):
        for copy in range(r - 1):
            function = block * (r - 1) + copy
            block_maps = v[:, block * width : (block + 1) * width].swapaxes(0, 1)
            maps.extend(np.sin((block_maps - shifts[function]) * periods[function]))
    return np.stack(maps, axis=1)


GEOMETRIES = [
    {"stride": 1, "padding": 1, "dilation": 1},
    {"stride": 2, "padding": 1, "dilation": 1},
    {"stride": 1, "padding": 2, "dilation": 2},
]


@pytest.mark.parametrize(("r", "g"), list(product([2, 3, 4], [1, 2, 4])))
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_equals_the_naive_form(r: int, g: int, sparse: bool, geometry: dict[str, int]) -> None:
    n, s = 6, 8
    layer = GroupNLConv2d(n, s * r, 3, **geometry, ratio=r, num_terms=g, sparse=sparse, dtype=torch.float64)
    x = torch.randn(2, n, 6, 5, dtype=torch.float64)
    groups = gcd(n, s) if sparse else 1
    expected = naive_group_nl(layer, x.numpy(), g, r, groups=groups, **geometry)
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=0, atol=1e-12)


def test_each_block_and_copy_has_its_own_function() -> None:
    layer = GroupNLConv2d(4, 24, 1, ratio=3, num_terms=4, dtype=torch.float64)
    x = torch.randn(1, 4, 2, 2, dtype=torch.float64)
    before = layer(x)
    for function in range(8):
        changed = GroupNLConv2d(4, 24, 1, ratio=3, num_terms=4, dtype=torch.float64)
        changed.load_state_dict(layer.state_dict())
        with torch.no_grad():
            changed.shifts[function] += 0.5
        moved = (changed(x) - before).abs().amax(dim=(0, 2, 3)) > 1e-9
        # s = 8 seed maps pass through, then s / g = 2 channels for each function in order.
        assert moved.nonzero().flatten().tolist() == [8 + 2 * function, 8 + 2 * function + 1]


def test_scaled_seeds_reach_the_sine_alone() -> None:
    plain = GroupNLConv2d(4, 24, 1, ratio=3, num_terms=4, dtype=torch.float64)
    scaled = GroupNLConv2d(4, 24, 1, ratio=3, num_terms=4, sine_scale="sqrt", dtype=torch.float64)
    scaled.load_state_dict(plain.state_dict())
    x = torch.randn(1, 4, 3, 3, dtype=torch.float64)
    seeds, generated = scaled(x).split([8, 16], dim=1)
    assert torch.equal(seeds, plain(x)[:, :8])
    for function in range(8):
        block = seeds[:, 2 * (function // 2) : 2 * (function // 2) + 2]
        expected = torch.sin((block * 8**0.5 - plain.shifts[function]) * plain.periods[function])
        torch.testing.assert_close(generated[:, 2 * function : 2 * function + 2], expected)


def test_shuffle_interleaves_the_groups_of_the_generated_maps() -> None:
    plain = GroupNLConv2d(4, 24, 1, ratio=3, num_terms=4)
    shuffled = GroupNLConv2d(4, 24, 1, ratio=3, num_terms=4, shuffle=True)
    shuffled.load_state_dict(plain.state_dict())
    x = torch.randn(2, 4, 3, 3)
    seeds, generated = plain(x).split([8, 16], dim=1)
    order = np.arange(16).reshape(4, 4).T.flatten()
    assert torch.equal(shuffled(x), torch.cat([seeds, generated[:, order]], dim=1))


def test_a_pixel_of_zeros_stays_finite() -> None:
    layer = GroupNLConv2d(4, 16, 3, padding=1)
    x = torch.zeros(1, 4, 5, 5, requires_grad=True)
    y = layer(x)
    y.square().sum().backward()
    assert torch.equal(y[:, :8], torch.zeros(1, 8, 5, 5))
    assert torch.isfinite(y).all()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize(("scale", "norm"), [(1e-9, 1.0), (1e-15, 1e-3)])
def test_norms_are_divided_out_down_to_1e_12(scale: float, norm: float) -> None:
    layer = GroupNLConv2d(1, 8, 1, dtype=torch.float64)
    with torch.no_grad():
        layer.conv1.weight.fill_(0.5)  # four seed maps: their norm at a pixel is the pixel
    seeds = layer(torch.full((1, 1, 1, 1), scale, dtype=torch.float64))[:, :4]
    assert seeds.norm().item() == pytest.approx(norm)


def drawn(**options: str) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    layer = GroupNLConv2d(8, 4096, 1, ratio=2, num_terms=2048, **options)  # type: ignore[arg-type]
    return layer.periods, layer.shifts


@pytest.mark.parametrize(("law", "top"), [("published", 2.0), ("declared", 5.0)])
def test_laws_of_periods_and_shifts(law: str, top: float) -> None:
    periods, shifts = drawn(shift_law=law)
    for values, end in ((periods, 2.0), (shifts, top)):
        assert 1.0 <= values.min() < 1.05
        assert end - 0.05 < values.max() < end
        assert values.mean() == pytest.approx((1 + end) / 2, abs=0.1)


def test_the_published_law_is_the_default() -> None:
    assert torch.equal(drawn()[1], drawn(shift_law="published")[1])


@pytest.mark.parametrize("learnable", [False, True])
def test_only_learnable_functions_have_gradients(learnable: bool) -> None:
    layer = GroupNLConv2d(4, 16, 3, learnable=learnable)
    layer(torch.randn(2, 4, 5, 5)).sum().backward()
    for values in (layer.periods, layer.shifts):
        assert isinstance(values, torch.nn.Parameter)
        assert (values.grad is not None) is learnable


def test_names_and_order_of_the_state_dict() -> None:
    state = GroupNLConv2d(8, 24, 3, ratio=3, num_terms=4, sparse=True).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == {
        "periods": (8,),
        "shifts": (8,),
        "conv1.weight": (8, 1, 3, 3),
    }
    assert list(state) == ["periods", "shifts", "conv1.weight"]


@pytest.mark.parametrize(("n", "m", "r"), [(16, 16, 2), (12, 16, 2), (10, 12, 3), (7, 16, 4)])
def test_sparse_groups(n: int, m: int, r: int) -> None:
    assert GroupNLConv2d(n, m, 3, ratio=r, sparse=True).conv1.groups == gcd(n, m // r)


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"out_channels": 16, "ratio": 3}, ["3", "16"]),
        ({"out_channels": 16, "ratio": 1}, ["1"]),
        ({"out_channels": 16, "ratio": 2, "num_terms": 3}, ["3", "8", "16", "2"]),
        ({"out_channels": 16, "num_terms": 0}, ["0", "8"]),
        ({"out_channels": 16, "groups": 3}, ["3", "4", "8"]),
        ({"out_channels": 16, "groups": 2, "sparse": True}, ["2"]),
        ({"out_channels": 16, "shift_law": "normal"}, ["normal", "published", "declared"]),
        ({"out_channels": 16, "sine_scale": "half"}, ["half", "none", "sqrt"]),
    ],
)
def test_refused_at_construction_with_the_numbers(options: dict[str, object], numbers: list[str]) -> None:
    with pytest.raises(ValueError, match=numbers[0]) as caught:
        GroupNLConv2d(4, kernel_size=3, **options)  # type: ignore[arg-type]
    assert all(number in str(caught.value) for number in numbers)
