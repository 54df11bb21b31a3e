import numpy as np
import pytest
import torch
from support.naive_layers import batch_norm, conv2d

from groupnl.layers import SineFMConv2d


@pytest.mark.parametrize("ratio", [2, 3])
@pytest.mark.parametrize("transforms", [1, 3])
def test_equals_the_naive_form(ratio: int, transforms: int) -> None:
    layer = SineFMConv2d(4, 12, 3, 2, 1, ratio=ratio, num_transforms=transforms, dtype=torch.float64)
    x = torch.randn(3, 4, 7, 6, dtype=torch.float64)
    u = conv2d(x.numpy(), layer.conv1.weight.detach().numpy(), stride=2, padding=1)
    # t batch norms of s maps each, as the table lists them.
    waves = [
        batch_norm(np.sin((u - shift) * period))
        for shift, period in zip(layer.shifts.numpy(), layer.periods.numpy(), strict=True)
    ]
    mix = layer.mix.weight.detach().numpy()[:, :, 0, 0]
    maps = [u[:, seed] for seed in range(u.shape[1])]
    for generated in range(len(mix)):
        seed = generated // (ratio - 1)
        maps.append(sum(mix[generated, j] * waves[j][:, seed] for j in range(transforms)))
    np.testing.assert_allclose(layer(x).detach().numpy(), np.stack(maps, axis=1), rtol=0, atol=1e-10)


def test_state_dict_and_what_is_trained() -> None:
    layer = SineFMConv2d(4, 12, 3, ratio=3, num_transforms=5)
    shapes = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    assert shapes["conv1.weight"] == (4, 4, 3, 3)
    assert shapes["periods"] == shapes["shifts"] == (5,)
    assert [shapes[f"norms.{index}.weight"] for index in range(5)] == [(4,)] * 5
    assert shapes["mix.weight"] == (8, 5, 1, 1)
    norms = {f"norms.{index}.{name}" for index in range(5) for name in ("weight", "bias")}
    assert {name for name, _ in layer.named_parameters()} == {"conv1.weight", "mix.weight", *norms}


def test_laws_of_periods_and_shifts() -> None:
    layer = SineFMConv2d(1, 2, 1, num_transforms=4096)
    for values in (layer.periods, layer.shifts):
        assert 1.0 <= values.min() < 1.05
        assert 1.95 < values.max() <= 2.0


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"ratio": 3}, ["3", "16"]),
        ({"groups": 3}, ["3", "4", "8"]),
        ({"num_transforms": 0}, ["0"]),
    ],
)
def test_refused_with_the_numbers(options: dict[str, int], numbers: list[str]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))) as caught:
        SineFMConv2d(4, 16, 3, **options)  # type: ignore[arg-type]
    assert all(number in str(caught.value) for number in numbers)
