"""Which convolutions of timm's standard networks become GroupNL, and how they are swapped in place.

timm builds the standard network; nothing of its model files is repeated here.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from timm.layers import Conv2dSame
from timm.models._efficientnet_blocks import DepthwiseSeparableConv, InvertedResidual
from timm.models._efficientnet_builder import efficientnet_init_weights
from timm.models.resnet import BasicBlock, Bottleneck
from torch import nn

from groupnl.layers import GroupNLConv2d

# `features_only` flattens the network and writes `layer1.0` with either separator.
_STRIDED_BLOCK = re.compile(r"layer[2-9][._]0$")


class Place(NamedTuple):
    """One convolution to replace: `getattr(block, attribute)`, called `name` in the network."""

    block: nn.Module
    attribute: str
    name: str

    @property
    def convolution(self) -> nn.Conv2d:
        """The standard convolution that stands there.

        Raises:
            TypeError: timm built something else than an ``nn.Conv2d`` there, or than one that pads as TensorFlow does.
        """
        layer: nn.Conv2d = getattr(self.block, self.attribute)
        if type(layer) not in (nn.Conv2d, Conv2dSame):  # a class made of it may change its weights
            raise TypeError(
                f"{self.name} is a {type(layer).__name__}: only nn.Conv2d and Conv2dSame can become GroupNL"
            )
        return layer


class NetworkFamily(NamedTuple):
    """The places of a family of networks, and how its new convolutions are initialised."""

    places: Callable[[nn.Module], Iterator[Place]]
    initialise: Callable[[GroupNLConv2d], object]


def _depthwise_places(network: nn.Module) -> Iterator[Place]:
    """Every depthwise convolution of the inverted residuals; the edge (fused) residuals have none."""
    for name, block in network.named_modules():
        if isinstance(block, InvertedResidual | DepthwiseSeparableConv):
            yield Place(block, "conv_dw", f"{name}.conv_dw")


def _bottleneck_places(network: nn.Module) -> Iterator[Place]:
    """The 3x3 of every bottleneck but the first of layers 2 to 4.

    Those have stride 2 in the published networks. They are told by their place and not by their stride, so that
    `output_stride`, which turns strides into dilations, leaves the checkpoint's keys as they are.
    """
    for name, block in network.named_modules():
        if isinstance(block, Bottleneck) and not _STRIDED_BLOCK.search(name):
            yield Place(block, "conv2", f"{name}.conv2")


def _basic_places(network: nn.Module) -> Iterator[Place]:
    """Both 3x3 of every basic block, but for the strided ones: the bottlenecks' rule; nothing is published of these."""
    for name, block in network.named_modules():
        if isinstance(block, BasicBlock):
            if not _STRIDED_BLOCK.search(name):
                yield Place(block, "conv1", f"{name}.conv1")
            yield Place(block, "conv2", f"{name}.conv2")


def initialise_as_resnet(convolution: nn.Conv2d) -> None:
    """As timm's ResNets initialise their convolutions."""
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")


def _initialise_as_resnet(layer: GroupNLConv2d) -> None:
    initialise_as_resnet(layer.conv1)


MOBILE = NetworkFamily(_depthwise_places, efficientnet_init_weights)
RESNET = NetworkFamily(_bottleneck_places, _initialise_as_resnet)
RESNET_BASIC = NetworkFamily(_basic_places, _initialise_as_resnet)


def swap(network: nn.Module, family: NetworkFamily, ratio: int, sparse: bool) -> None:
    """Replace the family's convolutions in `network` by GroupNL ones of the same geometry, in place.

    Raises:
        ValueError: a layer whose channels `ratio` does not divide, or that GroupNL cannot stand for, see `like`.
        TypeError: a layer that is none of the classes that `Place` knows.
    """
    for place in list(family.places(network)):
        layer = like(place.convolution, ratio, sparse)
        family.initialise(layer)
        setattr(place.block, place.attribute, layer)


def like(convolution: nn.Conv2d, ratio: int, sparse: bool) -> GroupNLConv2d:
    """A GroupNL layer that takes and gives what `convolution` does.

    Args:
        convolution: dense or depthwise, padded with zeros, on both sides alike or as TensorFlow does (``Conv2dSame``),
            without a bias.
        ratio: r of the layer.
        sparse: whether its seed convolution is sparse.

    Raises:
        ValueError: a convolution that has what the layer would not.
    """
    if lost := _what_would_be_lost(convolution):
        raise ValueError(f"{convolution} cannot become GroupNL, whose layers have no {' and no '.join(lost)}")
    layer = GroupNLConv2d(
        convolution.in_channels,
        convolution.out_channels,
        *_own_numbers(convolution),
        device=convolution.weight.device,
        dtype=convolution.weight.dtype,
        ratio=ratio,
        sparse=sparse,
    )
    if type(convolution) is Conv2dSame:
        layer.conv1 = _same(layer.conv1)
    return layer


def _same(convolution: nn.Conv2d) -> nn.Conv2d:
    """The convolution with TensorFlow's padding, which follows the input's size; its weights are shared."""
    same: nn.Conv2d = Conv2dSame(
        convolution.in_channels,
        convolution.out_channels,
        convolution.kernel_size,
        convolution.stride,
        dilation=convolution.dilation,
        groups=convolution.groups,
        bias=False,
        device="meta",
    )
    same.weight = convolution.weight
    return same


def _what_would_be_lost(convolution: nn.Conv2d) -> list[str]:
    # Published layers stand for depthwise convolutions with a seed convolution that is dense, or as sparse as can be.
    is_depthwise = convolution.groups == convolution.in_channels == convolution.out_channels
    found = {
        "bias": convolution.bias is not None,
        "groups": convolution.groups > 1 and not is_depthwise,
        f"padding {convolution.padding_mode!r}": convolution.padding_mode != "zeros",
    }
    return [name for name, is_there in found.items() if is_there]


class Geometry(NamedTuple):
    """How a convolution moves over its input: (height, width) of each, in the order of ``nn.Conv2d``'s arguments."""

    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]


def geometry(convolution: nn.Conv2d) -> Geometry:
    """What a layer that is to stand in a convolution's place must share with it.

    Raises:
        TypeError: padding that is given as a word, or that follows the input's size.
    """
    if isinstance(convolution, Conv2dSame):
        raise TypeError(f"{convolution} pads as TensorFlow does: a layer in its place needs the same, and no numbers")
    return _own_numbers(convolution)


def _own_numbers(convolution: nn.Conv2d) -> Geometry:
    return Geometry(
        *(
            _pair(value)
            for value in (
                convolution.kernel_size,
                convolution.stride,
                convolution.padding,
                convolution.dilation,
            )
        )
    )


def _pair(value: object) -> tuple[int, int]:
    if isinstance(value, tuple) and len(value) == 2:
        return int(value[0]), int(value[1])
    raise TypeError(f"expected two numbers for height and width, got {value!r}")
