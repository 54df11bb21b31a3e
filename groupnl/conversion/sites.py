"""Where a GroupNL layer stands: a 1x1 convolution before it, a norm behind it, a projection at the branch's end."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from timm.models._efficientnet_blocks import DepthwiseSeparableConv, InvertedResidual
from timm.models.resnet import Bottleneck
from torch import Tensor, nn

from groupnl.errors import ConfigError
from groupnl.layers import GroupNLConv2d
from groupnl.training.feature_maps import Passed, blocks_of, recorded


class Pointwise(NamedTuple):
    """A 1x1 convolution and its norm, by name."""

    convolution: str
    norm: str


class Roles(NamedTuple):
    """How a kind of block calls its parts.

    Attributes:
        expand: what makes the layer's input; None: what stands before the block.
        layer: that GroupNL replaces.
        norm: behind the layer.
        project: what ends the branch; nothing that is not linear follows before the shortcut is added.
    """

    expand: Pointwise | None
    layer: str
    norm: str
    project: Pointwise

    @property
    def watched(self) -> tuple[str, ...]:
        """The modules that a fit looks at."""
        before = (self.expand.convolution,) if self.expand else ()
        return (*before, self.layer, self.project.convolution)


_KINDS: Mapping[type[nn.Module], Roles] = {
    InvertedResidual: Roles(Pointwise("conv_pw", "bn1"), "conv_dw", "bn2", Pointwise("conv_pwl", "bn3")),
    DepthwiseSeparableConv: Roles(None, "conv_dw", "bn1", Pointwise("conv_pw", "bn2")),
    Bottleneck: Roles(Pointwise("conv1", "bn1"), "conv2", "bn2", Pointwise("conv3", "bn3")),
}


class Feeder(NamedTuple):
    """What makes the student's maps that come to a GroupNL layer, and to nothing else: their order is free.

    Attributes:
        convolution: whose outputs they are.
        norm: behind it.
    """

    convolution: nn.Module
    norm: nn.BatchNorm2d


class Site(NamedTuple):
    """A block of the student with a GroupNL layer, and the teacher's in its place.

    Attributes:
        name: of the block, in both networks.
        student: the block that is fitted.
        teacher: the block that it is fitted to.
        roles: of the parts of either.
        stem: of the student, where it alone makes the layer's input, and nothing else is made of that.
    """

    name: str
    student: nn.Module
    teacher: nn.Module
    roles: Roles
    stem: Feeder | None

    @property
    def feeder(self) -> Feeder | None:
        """What makes the layer's input; None: it is an input of more than the layer."""
        expand = self.roles.expand
        return (
            Feeder(getattr(self.student, expand.convolution), norm_of(self.student, expand.norm))
            if expand
            else self.stem
        )

    @property
    def layer(self) -> GroupNLConv2d:
        """The layer that is fitted."""
        layer: GroupNLConv2d = getattr(self.student, self.roles.layer)
        return layer

    @property
    def norm(self) -> nn.BatchNorm2d:
        """The norm behind it."""
        return norm_of(self.student, self.roles.norm)

    def wanted(self, passed: Mapping[str, Passed]) -> Tensor:
        """The teacher's maps behind the norm, by channel: what the layer and its norm are to give."""
        norm = norm_of(self.teacher, self.roles.norm)
        return by_channel(normalised(norm, passed[self.roles.layer].output))


def site_of(name: str, student: nn.Module, teacher: nn.Module) -> Site | None:
    """The site of a block; None where the student's is of the teacher's layers.

    Raises:
        ConfigError: a block with a GroupNL layer that is of a kind that cannot be fitted.
    """
    mine, theirs = student.get_submodule(name), teacher.get_submodule(name)
    if not is_new(mine):
        return None
    roles = _KINDS.get(type(mine))
    if roles is None or type(theirs) is not type(mine) or not isinstance(getattr(theirs, roles.layer), nn.Conv2d):
        raise ConfigError(f"{name}, a {type(mine).__name__}, cannot be fitted: the teacher has no such block there")
    return Site(name, mine, theirs, roles, _stem_before(name, student))


def is_new(block: nn.Module) -> bool:
    """Whether a block has a GroupNL layer."""
    return any(isinstance(module, GroupNLConv2d) for module in block.modules())


def _stem_before(name: str, network: nn.Module) -> Feeder | None:
    """The stem of timm's mobile networks, where nothing but the layer of the first block gets its maps."""
    block = network.get_submodule(name)
    if name != blocks_of(network)[0] or not isinstance(block, DepthwiseSeparableConv) or block.has_skip:
        return None
    return Feeder(network.get_submodule("conv_stem"), norm_of(network, "bn1"))


class View(NamedTuple):
    """What a block does with its input.

    Attributes:
        passed: what went through its watched parts, by name.
        output: of the block.
        shortcut: what is added to the branch; 0 where nothing is.
    """

    passed: Mapping[str, Passed]
    output: Tensor
    shortcut: Tensor | float


def view(block: nn.Module, roles: Roles, inputs: Tensor) -> View:
    """Call a block and look at its parts."""
    with recorded(block, roles.watched) as passed:
        output: Tensor = block(inputs)
    return View(passed, output, _shortcut(block, inputs))


def _shortcut(block: nn.Module, inputs: Tensor) -> Tensor | float:
    if isinstance(block, Bottleneck):
        added: Tensor = inputs if block.downsample is None else block.downsample(inputs)
        return added
    return inputs if block.has_skip else 0.0


def norm_of(block: nn.Module, name: str) -> nn.BatchNorm2d:
    """A batch norm of a block.

    Raises:
        ConfigError: another norm stands there.
    """
    norm = getattr(block, name)
    if not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None:
        raise ConfigError(f"a {type(norm).__name__} cannot be fitted: only batch norms with statistics can")
    return norm


def statistics(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """The running mean and variance of a batch norm, which `norm_of` has seen to be there."""
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    return mean, variance


def normalised(norm: nn.BatchNorm2d, maps: Tensor) -> Tensor:
    """What a batch norm makes of maps in evaluation, before an activation that it may hold."""
    return F.batch_norm(maps, *statistics(norm), norm.weight, norm.bias, eps=norm.eps)


def gain(norm: nn.BatchNorm2d) -> Tensor:
    """What a batch norm multiplies each channel by in evaluation: (C,) float64, on the CPU."""
    _, variance = statistics(norm)
    return (norm.weight.detach().double() / (variance.double() + norm.eps).sqrt()).cpu()


def by_channel(maps: Tensor) -> Tensor:
    """(B, C, H, W) -> (C, B H W)."""
    return maps.transpose(0, 1).flatten(1)


@torch.no_grad()
def set_norm(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, factor: Tensor, centre: Tensor) -> None:
    """Make a batch norm of statistics, such that maps x become (x - mean) * factor + centre.

    Args:
        norm: to be set.
        mean: of the maps that come.
        variance: of the maps that come.
        factor: see above.
        centre: see above.
    """
    values = (mean, variance, factor * (variance + norm.eps).sqrt(), centre)
    for place, value in zip((*statistics(norm), norm.weight, norm.bias), values, strict=True):
        place.copy_(value)
