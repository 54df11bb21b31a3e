import numpy as np
import pytest
import torch
from support.naive_layers import Array, conv2d

from groupnl.layers import MonoConv2d


def naive_filters(layer: MonoConv2d, ratio: int) -> Array:
    """One filter after the other, read off the definition."""
    learned, exponents = layer.weight.detach().numpy(), layer.exponents.numpy()
    filters = []
    for out in range(exponents.shape[1]):
        seed = learned[out % (exponents.shape[1] // ratio)]
        made = np.zeros_like(seed)
        for term in range(exponents.shape[0]):
            for channel in range(seed.shape[0]):
                made[channel] += np.sign(seed[channel]) * np.abs(seed[channel]) ** exponents[term, out, channel]
        filters.append((made - made.mean()) / np.sqrt(made.var() + 1e-5))
    return np.stack(filters)


@pytest.mark.parametrize("ratio", [2, 3])
@pytest.mark.parametrize("terms", [1, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_equals_the_naive_form(ratio: int, terms: int, groups: int) -> None:
    layer = MonoConv2d(4, 12, 3, 2, 1, groups=groups, ratio=ratio, num_terms=terms, dtype=torch.float64, bias=True)
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    expected = conv2d(x.numpy(), naive_filters(layer, ratio), stride=2, padding=1, groups=groups)
    assert layer.bias is not None
    expected += layer.bias.detach().numpy()[:, None, None]
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=0, atol=1e-10)


def test_shapes_and_laws() -> None:
    layer = MonoConv2d(64, 64, 3, groups=2, ratio=4, num_terms=2)
    assert layer.weight.shape == (16, 32, 3, 3)
    assert layer.exponents.shape == (2, 64, 32)
    assert not layer.exponents.requires_grad
    assert 1.0 <= layer.exponents.min() < 1.1
    assert 6.9 < layer.exponents.max() <= 7.0
    assert layer.exponents.mean() == pytest.approx(4.0, abs=0.2)
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_filters_are_standardised_in_spite_of_the_eps() -> None:
    filters = MonoConv2d(32, 32, 3).filters()
    assert filters.mean(dim=(1, 2, 3)).abs().max() < 1e-5
    assert filters.var(dim=(1, 2, 3), correction=0).sub(1).abs().max() < 1e-3


def test_gradients_are_finite_at_zero() -> None:
    layer = MonoConv2d(4, 8, 3, num_terms=2)
    with torch.no_grad():
        layer.weight[0] = 0.0
        layer.weight[1, 0] = 0.0
        layer.exponents[0] = 1.0
    layer(torch.randn(1, 4, 5, 5)).square().sum().backward()
    assert layer.weight.grad is not None
    assert torch.isfinite(layer.weight.grad).all()


@pytest.mark.parametrize(
    ("arguments", "options", "numbers"),
    [
        ((4, 16, 3), {"ratio": 3}, ["3", "16"]),
        ((4, 16, 3), {"groups": 3}, ["3", "4", "16"]),
        ((4, 16, 3), {"num_terms": 0}, ["0"]),
        ((4, 16, 1), {"groups": 4}, [r"(1, 1, 1)"]),
    ],
)
def test_refused_with_the_numbers(arguments: tuple[int, int, int], options: dict[str, int], numbers: list[str]) -> None:
    with pytest.raises(ValueError, match=next(iter(options)) + "|one weight") as caught:
        MonoConv2d(*arguments, **options)  # type: ignore[arg-type]
    assert all(number in str(caught.value) for number in numbers)
