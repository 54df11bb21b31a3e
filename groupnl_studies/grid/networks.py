"""The networks of the study: timm's, made for small images and narrow, with one kind of convolution swapped in.

ResNet-18: a 3x3 stem of stride 1 and no pooling. Replaced is every 3x3 convolution of stride 1 in the basic blocks: 13
of 16, all but the first of layers 2 to 4. They have as many output as input channels, so depthwise applies, too.
MobileNetV2 of width 0.35: a stem of stride 1. Replaced is every depthwise convolution (17), as in the published mobile
networks. Dense forms are left out there: they cost many times the layer they would replace.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import timm
import torch
from timm.models._efficientnet_builder import efficientnet_init_weights
from timm.models.resnet import BasicBlock
from torch import nn

from groupnl.models.families import MOBILE, Place
from groupnl.models.size import NetworkSize, size_of
from groupnl_studies.grid.kinds import KINDS, STANDARD

WIDTH = 16  # channels of ResNet-18's first layer; the published one has 64


class Network(NamedTuple):
    """One network.

    Attributes:
        build: number of classes -> the standard network.
        places: what is replaced in it.
        initialise: a new plain convolution, as the network initialises its own.
        kinds: the convolutions it is trained with; the standard one first.
    """

    build: Callable[[int], nn.Module]
    places: Callable[[nn.Module], Iterator[Place]]
    initialise: Callable[[nn.Conv2d], object]
    kinds: tuple[str, ...]


def build_network(name: str, kind: str, classes: int) -> nn.Module:
    """A network with untrained weights, of torch's global generator.

    Args:
        name: of `NETWORKS`.
        kind: of its convolutions, of `KINDS`.
        classes: of the answers.
    """
    design = NETWORKS[name]
    network = design.build(classes)
    for place in list(design.places(network)):
        layer = KINDS[kind](place.convolution)
        if layer is place.convolution:
            continue
        for part in layer.modules():
            if type(part) is nn.Conv2d:  # not Mono, whose weights are no filters
                design.initialise(part)
        setattr(place.block, place.attribute, layer)
    return network


def cost(name: str, kind: str, classes: int, size: int) -> NetworkSize:
    """What the network costs for an image of `size` x `size` pixels."""
    with torch.device("meta"):
        return size_of(build_network(name, kind, classes), size)


def _resnet18(classes: int) -> nn.Module:
    # Only with a deep stem does timm let the stem's width be chosen; then the stem itself is replaced.
    network: nn.Module = timm.create_model(
        "resnet18",
        num_classes=classes,
        stem_type="deep",
        stem_width=WIDTH // 2,
        channels=tuple(WIDTH * factor for factor in (1, 2, 4, 8)),
    )
    stem = nn.Conv2d(3, WIDTH, 3, padding=1, bias=False)
    _initialise_as_resnet(stem)
    network.conv1, network.maxpool = stem, nn.Identity()
    return network


def _basic_block_places(network: nn.Module) -> Iterator[Place]:
    for name, block in network.named_modules():
        if isinstance(block, BasicBlock):
            for attribute in ("conv1", "conv2"):
                if getattr(block, attribute).stride == (1, 1):
                    yield Place(block, attribute, f"{name}.{attribute}")


def _initialise_as_resnet(layer: nn.Conv2d) -> None:
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def _mobilenetv2(classes: int) -> nn.Module:
    network: nn.Module = timm.create_model("mobilenetv2_035", num_classes=classes)
    stem = network.get_submodule("conv_stem")
    assert isinstance(stem, nn.Conv2d)  # noqa: S101 (for mypy)
    stem.stride = (1, 1)
    return network


NETWORKS = {
    "resnet18": Network(_resnet18, _basic_block_places, _initialise_as_resnet, tuple(KINDS)),
    "mobilenetv2": Network(
        _mobilenetv2,
        MOBILE.places,
        efficientnet_init_weights,
        (STANDARD, "mono", "ghost", "sinefm", "gnl_sparse", "gnl_sparse_declared", "gnl_sparse_scaled"),
    ),
}
