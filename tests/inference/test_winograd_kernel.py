"""3x3 convolutions by Winograd's minimal filtering, beside formulas in float64."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from support.kernels import ACTIVATIONS
from torch import Tensor

from groupnl.inference.native import build as native
from groupnl.inference.rewrite.pointwise import packed
from groupnl.inference.rewrite.winograd import terms

pytestmark = pytest.mark.slow

TOLERANCE = 1e-6  # of the result's norm, three times what PyTorch's own convolution is off by


class Convolution(NamedTuple):
    """What one call computes."""

    weight: Tensor
    bias: Tensor
    activation: str
    project: Tensor | None
    project_bias: Tensor | None
    shortcut: bool

    def arguments(self, variant: native.Variant) -> tuple[object, ...]:
        """Of the kernel, but for x."""
        if self.project is None:
            project: tuple[object, ...] = (None, None, 0)
        else:
            project = (*packed(self.project, self.project_bias, variant), len(self.project))
        return *terms(self.weight, self.bias, variant), len(self.weight), self.activation, *project, self.shortcut

    def native(self, x: Tensor, variant: native.Variant) -> Tensor:
        """As the kernel computes it."""
        result: Tensor = variant.operators.winograd_layer(x, *self.arguments(variant))
        assert result.dtype == torch.float32
        assert result.is_contiguous(memory_format=torch.channels_last)
        return result

    def formula(self, x: Tensor) -> Tensor:
        """In float64."""
        maps = F.conv2d(x.double(), self.weight.double(), self.bias.double(), padding=1)
        maps = ACTIVATIONS[self.activation](maps)
        if self.project is not None and self.project_bias is not None:
            maps = F.conv2d(maps, self.project.double(), self.project_bias.double())
        return maps + x.double() if self.shortcut else maps


def convolution(
    inputs: int, channels: int, outputs: int | None = None, *, activation: str = "none", shortcut: bool = False
) -> Convolution:
    torch.manual_seed(inputs * 1000 + channels)
    weight, bias = torch.randn(channels, inputs, 3, 3) / inputs**0.5 / 3, torch.randn(channels)
    if outputs is None:
        return Convolution(weight, bias, activation, None, None, shortcut)
    project = torch.randn(outputs, channels, 1, 1) / channels**0.5
    return Convolution(weight, bias, activation, project, torch.randn(outputs), shortcut)


def image(channels: int, height: int = 9, width: int = 14, batch: int = 2) -> Tensor:
    torch.manual_seed(height * 100 + width)
    return torch.randn(batch, channels, height, width).contiguous(memory_format=torch.channels_last)


def assert_right(variant: native.Variant, x: Tensor, convolution: Convolution) -> None:
    found, expected = convolution.native(x, variant).double(), convolution.formula(x)
    assert found.shape == expected.shape
    assert (found - expected).norm() <= TOLERANCE * expected.norm()
    # No single one is far off either, as a wrong edge would be.
    assert (found - expected).abs().max() <= 10 * TOLERANCE * expected.abs().max()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("outputs", [None, 24])
@pytest.mark.parametrize("shortcut", [False, True])
def test_each_part_may_be_there(
    float32_kernels: native.Variant, activation: str, outputs: int | None, shortcut: bool
) -> None:
    assert_right(float32_kernels, image(24), convolution(24, 24, outputs, activation=activation, shortcut=shortcut))


@pytest.mark.parametrize("height", [1, 2, 3, 8, 17])
@pytest.mark.parametrize("width", [1, 2, 3, 7, 28, 57, 113])
def test_any_size(float32_kernels: native.Variant, height: int, width: int) -> None:
    x = image(12, height, width, batch=3)
    assert_right(float32_kernels, x, convolution(12, 20))
    assert_right(float32_kernels, x, convolution(12, 20, 12, shortcut=True))


@pytest.mark.parametrize("inputs", [1, 3, 8, 15, 16, 17, 40])
@pytest.mark.parametrize("channels", [1, 7, 8, 16, 48, 49, 96, 100, 200])
def test_any_number_of_channels(float32_kernels: native.Variant, inputs: int, channels: int) -> None:
    assert_right(float32_kernels, image(inputs), convolution(inputs, channels))
    assert_right(float32_kernels, image(inputs), convolution(inputs, channels, 5))


def test_threads_change_nothing(float32_kernels: native.Variant, threads: Callable[[int], None]) -> None:
    x, plain = image(32, 28, 56, batch=3), convolution(32, 96, 32, shortcut=True)
    threads(1)
    alone = plain.native(x, float32_kernels)
    for count in (2, 3):
        threads(count)
        assert torch.equal(plain.native(x, float32_kernels), alone)


def test_images_do_not_see_each_other(float32_kernels: native.Variant) -> None:
    x, plain = image(24, 14, 14, batch=5), convolution(24, 32)
    assert torch.equal(
        plain.native(x, float32_kernels), torch.cat([plain.native(one, float32_kernels) for one in torch.split(x, 1)])
    )


def test_no_images(float32_kernels: native.Variant) -> None:
    assert convolution(24, 32).native(image(24, batch=0), float32_kernels).shape == (0, 32, 9, 14)


def test_any_memory_order(float32_kernels: native.Variant) -> None:
    x, plain = image(24), convolution(24, 24, shortcut=True)
    assert torch.equal(plain.native(x.contiguous(), float32_kernels), plain.native(x, float32_kernels))


def test_compilers_know_its_shape(float32_kernels: native.Variant) -> None:
    for plain in (convolution(24, 32), convolution(24, 32, 24, shortcut=True)):
        torch.library.opcheck(
            float32_kernels.operators.winograd_layer.default, (image(24), *plain.arguments(float32_kernels))
        )


def test_wrong_arguments_are_told(float32_kernels: native.Variant) -> None:
    kernel = float32_kernels.operators.winograd_layer
    weight, bias, channels, activation, *rest = convolution(24, 32).arguments(float32_kernels)
    for wrong in (image(24).double(), image(24, 9, 0), image(24, 0, 14)):
        with pytest.raises(RuntimeError, match="x must be float32"):
            kernel(wrong, weight, bias, channels, activation, *rest)
    with pytest.raises(RuntimeError, match=r"weight must be .* with a last dimension of"):
        kernel(image(23), weight, bias, channels, activation, *rest)
    with pytest.raises(RuntimeError, match=r"weight must be \(16 \* registers of outputs"):
        kernel(image(24), weight[1:], bias, channels, activation, *rest)
    with pytest.raises(RuntimeError, match="bias must be float32"):
        kernel(image(24), weight, bias[1:], channels, activation, *rest)
    with pytest.raises(RuntimeError, match="a shortcut needs a result of the shape of x"):
        kernel(image(24), weight, bias, channels, activation, None, None, 0, True)
    with pytest.raises(RuntimeError, match="project needs its bias"):
        kernel(
            image(24), weight, bias, channels, activation, packed(torch.zeros(24, 32, 1, 1), None, float32_kernels)[0]
        )
    with pytest.raises(RuntimeError, match="no activation 'gelu'"):
        kernel(image(24), weight, bias, channels, "gelu", *rest)
