import numpy as np
import pytest
import torch
from support.naive_layers import batch_norm, conv2d, relu
from torch import nn

from groupnl.layers import GhostConv2d


@pytest.mark.parametrize("ratio", [2, 3])
@pytest.mark.parametrize("cheap", [1, 3, 5])
@pytest.mark.parametrize("activate", [True, False])
def test_equals_the_naive_form(ratio: int, cheap: int, activate: bool) -> None:
    layer = GhostConv2d(4, 12, 3, 2, 1, ratio=ratio, cheap_kernel_size=cheap, relu=activate, dtype=torch.float64)
    x = torch.randn(3, 4, 7, 6, dtype=torch.float64)
    primary, ghosts = (layer.primary_conv[0].weight, layer.cheap_operation[0].weight)
    final = relu if activate else np.asarray
    u = final(batch_norm(conv2d(x.numpy(), primary.detach().numpy(), stride=2, padding=1)))
    rest = conv2d(u, ghosts.detach().numpy(), padding=cheap // 2, groups=12 // ratio)
    expected = np.concatenate([u, final(batch_norm(rest))], axis=1)
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=0, atol=1e-10)


def test_names_of_the_state_dict() -> None:
    shapes = {name: tuple(value.shape) for name, value in GhostConv2d(4, 12, 3, ratio=3).state_dict().items()}
    assert shapes["primary_conv.0.weight"] == (4, 4, 3, 3)
    assert shapes["primary_conv.1.weight"] == (4,)
    assert shapes["cheap_operation.0.weight"] == (8, 1, 3, 3)
    assert shapes["cheap_operation.1.running_var"] == (8,)


def test_without_relu_maps_go_below_zero() -> None:
    x = torch.randn(2, 4, 8, 8)
    assert GhostConv2d(4, 8, 3)(x).min() == 0
    assert GhostConv2d(4, 8, 3, relu=False)(x).min() < 0


def test_padding_mode_reaches_both_convolutions() -> None:
    layer = GhostConv2d(4, 8, 3, padding=1, padding_mode="circular")
    convolutions = [part for part in layer.modules() if isinstance(part, nn.Conv2d)]
    assert [part.padding_mode for part in convolutions] == ["circular", "circular"]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"ratio": 3}, ["3", "16"]),
        ({"ratio": 1}, ["1"]),
        ({"groups": 3}, ["3", "4", "8"]),
        ({"cheap_kernel_size": 4}, ["4"]),
        ({"cheap_kernel_size": -1}, ["-1"]),
    ],
)
def test_refused_with_the_numbers(options: dict[str, int], numbers: list[str]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))) as caught:
        GhostConv2d(4, 16, 3, **options)  # type: ignore[arg-type]
    assert all(number in str(caught.value) for number in numbers)
