"""What the native kernels' operators are given, and what they give.

`sparse_layer`: x (B, n, H, W), channels-last; weight of x's dtype (kernel * kernel, n); scale and shift of the
seeds, float32 (s,), s = n / 2; polynomials float32 (degree + 1, s), the lowest power first, which give the generated
maps from the normalised seeds; kernel, stride, padding, dilation; activation. Result: (B, n, H', W'), channels-last.
Then, if 1x1 convolutions around the layer are to be computed with it: expand, with which x is (B, i, H, W), its bias
and activation; project and its bias, with which the result is (B, outputs, H', W'); shortcut, whether x is added to the
result.

`finish_layer`, which follows the seed convolution of any layer: x, the seeds before they are normalised,
(B, s, H, W); scale and shift as above; polynomials float32 (degree + 1, g); sources int32 (g,), the seed that each
generated map is made of; activation. Result: (B, s + g, H, W), channels-last.

`pointwise_layer`, a 1x1 convolution: x (B, n, H, W); weight and bias; outputs; activation; gates, of
x's dtype (B, n, 1, 1), which x is multiplied by first; shortcut (B, outputs, H, W), which is added to the products and
the bias, before the activation. Result: (B, outputs, H, W), channels-last.

`gates_layer`, squeeze and excitation: x (B, n, H, W); weight and bias of the convolution that
squeezes its means, with its number of outputs and activation; the same of that which excites; the gates' activation,
sigmoid or hardsigmoid. Result: (B, n, 1, 1).

`winograd_layer`, a 3x3 convolution of stride 1 and padding 1, in float32: x (B, n, H, W); weight
(16 * registers of outputs, n * lanes), as `groupnl.inference.rewrite.winograd.terms` makes it; bias; channels that come
out; activation; project, its bias and its outputs, as above; shortcut, whether x is added to the result. Result:
(B, channels or outputs, H, W), channels-last.

`stem_layer`, a convolution of pixels that are normalised first: pixels uint8 (B, 3, H, W); scale and shift of the
colours, float32 (3,); weight of the 1x1 convolution that takes all pixels in reach (kernel * kernel * 3, and a zero
where the library takes pairs), and bias; outputs; kernel, 3, 5 or 7; stride; rows and columns of padding before the
image and after it; activation. Result: (B, outputs, H', W'), channels-last, of the library's dtype.

All numbers that have no other dtype here are of the library's; weights of 1x1 convolutions are packed by
`groupnl.inference.rewrite.pointwise.packed`.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor


@cache
def tell_shapes(namespace: str) -> None:
    """Tell compilers what the operators' results look like; what only runs need not know it.

    Args:
        namespace: of these operators in torch, which are loaded; an archive of another release may have others.
    """
    for name, shape in _SHAPES.items():
        if hasattr(getattr(torch.ops, namespace), name):  # not all variants have all
            torch.library.register_fake(f"{namespace}::{name}", shape)


def _sparse_shape(
    x: Tensor,
    weight: Tensor,
    scale: Tensor,
    shift: Tensor,
    polynomials: Tensor,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
    activation: str,
    expand: Tensor | None = None,
    expand_bias: Tensor | None = None,
    expand_activation: str = "none",
    project: Tensor | None = None,
    project_bias: Tensor | None = None,
    outputs: int = 0,
    shortcut: bool = False,
) -> Tensor:
    height, width = ((side + 2 * padding - kernel) // stride + 1 for side in x.shape[2:])
    shape = (x.shape[0], weight.shape[1] if project is None else outputs, height, width)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _finish_shape(
    x: Tensor, scale: Tensor, shift: Tensor, polynomials: Tensor, sources: Tensor, activation: str
) -> Tensor:
    batch, seeds, height, width = x.shape
    shape = (batch, seeds + polynomials.shape[1], height, width)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _pointwise_shape(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    outputs: int,
    activation: str,
    gates: Tensor | None = None,
    shortcut: Tensor | None = None,
) -> Tensor:
    shape = (x.shape[0], outputs, *x.shape[2:])
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _gates_shape(
    x: Tensor,
    squeeze: Tensor,
    squeeze_bias: Tensor,
    squeezed: int,
    activation: str,
    excite: Tensor,
    excite_bias: Tensor,
    gate: str,
) -> Tensor:
    shape = (*x.shape[:2], 1, 1)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _winograd_shape(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    channels: int,
    activation: str,
    project: Tensor | None = None,
    project_bias: Tensor | None = None,
    outputs: int = 0,
    shortcut: bool = False,
) -> Tensor:
    shape = (x.shape[0], channels if project is None else outputs, *x.shape[2:])
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _stem_shape(
    pixels: Tensor,
    scale: Tensor,
    shift: Tensor,
    weight: Tensor,
    bias: Tensor,
    outputs: int,
    kernel: int,
    stride: int,
    before: int,
    after: int,
    activation: str,
) -> Tensor:
    height, width = ((side + before + after - kernel) // stride + 1 for side in pixels.shape[2:])
    shape = (pixels.shape[0], outputs, height, width)
    return torch.empty(shape, dtype=weight.dtype, device=pixels.device, memory_format=torch.channels_last)


_SHAPES: dict[str, Callable[..., Tensor]] = {
    "sparse_layer": _sparse_shape,
    "finish_layer": _finish_shape,
    "pointwise_layer": _pointwise_shape,
    "gates_layer": _gates_shape,
    "winograd_layer": _winograd_shape,
    "stem_layer": _stem_shape,
}
