"""A network's first convolution, from pixels, beside formulas in float64."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from support.kernels import ACTIVATIONS
from torch import Tensor

from groupnl.inference.native import build as native
from groupnl.inference.rewrite.stem import taps

pytestmark = pytest.mark.slow

TOLERANCES = {torch.bfloat16: 4e-3, torch.float32: 1e-6}  # of the result's norm
SCALE, SHIFT = torch.tensor([0.017, 0.018, 0.016]), torch.tensor([-2.1, -2.0, -1.8])


class Stem(NamedTuple):
    """A convolution of normalised pixels."""

    weight: Tensor
    bias: Tensor
    stride: int
    padding: tuple[int, int]
    activation: str

    def arguments(self, variant: native.Variant) -> tuple[object, ...]:
        """Of the kernel, but for the pixels."""
        outputs, _, kernel, _ = self.weight.shape
        weights = taps(self.weight, self.bias, variant)
        return SCALE, SHIFT, *weights, outputs, kernel, self.stride, *self.padding, self.activation

    def native(self, pixels: Tensor, variant: native.Variant) -> Tensor:
        """As the kernel computes it."""
        result: Tensor = variant.operators.stem_layer(pixels, *self.arguments(variant))
        assert result.dtype == variant.dtype
        assert result.is_contiguous(memory_format=torch.channels_last)
        return result.double()

    def formula(self, pixels: Tensor, dtype: torch.dtype) -> Tensor:
        """In float64, of images that are rounded as the kernel's are."""
        images = (pixels.float() * SCALE.view(3, 1, 1) + SHIFT.view(3, 1, 1)).to(dtype).double()
        before, after = self.padding
        padded = F.pad(images, (before, after, before, after))
        return ACTIVATIONS[self.activation](F.conv2d(padded, self.weight.double(), self.bias.double(), self.stride))


def stem(
    outputs: int = 16,
    kernel: int = 3,
    stride: int = 2,
    padding: tuple[int, int] = (1, 1),
    activation: str = "none",
) -> Stem:
    torch.manual_seed(outputs)
    weight = (torch.randn(outputs, 3, kernel, kernel) / kernel).bfloat16().float()
    return Stem(weight, torch.randn(outputs), stride, padding, activation)


def pixels(height: int = 18, width: int = 28, batch: int = 2) -> Tensor:
    torch.manual_seed(height * 100 + width)
    values = torch.randint(0, 256, (batch, 3, height, width), dtype=torch.uint8)
    return values.contiguous(memory_format=torch.channels_last)


def assert_right(variant: native.Variant, image: Tensor, stem: Stem) -> None:
    found, expected = stem.native(image, variant), stem.formula(image, variant.dtype)
    assert found.shape == expected.shape
    assert (found - expected).norm() <= TOLERANCES[variant.dtype] * expected.norm()
    # No single one is far off either, as a wrong edge would be.
    assert (found - expected).abs().max() <= 10 * TOLERANCES[variant.dtype] * expected.abs().max()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(kernels: native.Variant, activation: str) -> None:
    assert_right(kernels, pixels(), stem(activation=activation))


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (0, 1), (3, 3), (9, 8)])
def test_any_geometry(kernels: native.Variant, kernel: int, stride: int, padding: tuple[int, int]) -> None:
    assert_right(kernels, pixels(), stem(20, kernel, stride, padding))


@pytest.mark.parametrize("height", [1, 2, 9])
@pytest.mark.parametrize("width", [*range(1, 18), 63, 64, 112])
def test_any_size(kernels: native.Variant, height: int, width: int) -> None:
    assert_right(kernels, pixels(height, width, batch=3), stem())


@pytest.mark.parametrize("outputs", [1, 8, 15, 16, 17, 24, 32, 33, 64])
def test_any_number_of_outputs(kernels: native.Variant, outputs: int) -> None:
    assert_right(kernels, pixels(), stem(outputs))


def test_threads_change_nothing(kernels: native.Variant, threads: Callable[[int], None]) -> None:
    image, plain = pixels(112, 112, batch=3), stem(32)
    threads(1)
    alone = plain.native(image, kernels)
    for count in (2, 3):
        threads(count)
        assert torch.equal(plain.native(image, kernels), alone)


def test_images_do_not_see_each_other(kernels: native.Variant) -> None:
    image, plain = pixels(batch=5), stem()
    alone = torch.cat([plain.native(one, kernels) for one in torch.split(image, 1)])
    assert torch.equal(plain.native(image, kernels), alone)


def test_no_images(kernels: native.Variant) -> None:
    assert stem().native(pixels(batch=0), kernels).shape == (0, 16, 9, 14)


def test_any_memory_order(kernels: native.Variant) -> None:
    assert torch.equal(stem().native(pixels().contiguous(), kernels), stem().native(pixels(), kernels))


def test_compilers_know_its_shape(kernels: native.Variant) -> None:
    arguments = stem(padding=(0, 1)).arguments(kernels)
    torch.library.opcheck(kernels.operators.stem_layer.default, (pixels(17, 16), *arguments))


def test_wrong_arguments_are_told(kernels: native.Variant) -> None:
    kernel = kernels.operators.stem_layer
    scale, shift, weight, bias, outputs, *rest = stem().arguments(kernels)
    for image in (pixels().float(), pixels()[:, :2]):
        with pytest.raises(RuntimeError, match="pixels must be uint8"):
            kernel(image, scale, shift, weight, bias, outputs, *rest)
    with pytest.raises(RuntimeError, match="scale must be float32"):
        kernel(pixels(), SCALE[:2], shift, weight, bias, outputs, *rest)
    with pytest.raises(RuntimeError, match="weight must be"):
        kernel(pixels(), scale, shift, weight, bias, outputs, 5, 2, 1, 1, "none")
    with pytest.raises(RuntimeError, match="kernels 3, 5 and 7, not 4"):
        kernel(pixels(), scale, shift, weight, bias, outputs, 4, 2, 1, 1, "none")
    with pytest.raises(RuntimeError, match="kernel 3 with stride 0 does not fit"):
        kernel(pixels(), scale, shift, weight, bias, outputs, 3, 0, 1, 1, "none")
    with pytest.raises(RuntimeError, match="does not fit into pixels with padding 0 and 1"):
        kernel(pixels(1, 28), scale, shift, weight, bias, outputs, 3, 2, 0, 1, "none")
