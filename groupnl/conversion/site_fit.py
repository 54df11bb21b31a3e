"""One GroupNL layer fitted to the convolution that it replaces, and the 1x1 convolutions around it, in closed form.

The layer computes a seed map for every r maps and makes the others of it by fixed sinusoids, which are nearly straight
where they meet the small normalised seeds. So each group of r teacher channels gets the one seed of which all are best
forecast by straight lines; batch norm draws the lines. The 1x1 convolutions around the layer allow any order of its
channels, so channels that go together are put into a group, and the projection is fitted anew to what came out.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame, pad_same
from torch import Tensor, nn

from groupnl.conversion.grouping import choose_inputs, group_channels
from groupnl.conversion.moments import RIDGE, Moments, best_directions
from groupnl.conversion.sites import (
    Feeder,
    Pointwise,
    Site,
    by_channel,
    gain,
    norm_of,
    normalised,
    set_norm,
    statistics,
    view,
)
from groupnl.layers import GroupNLConv2d
from groupnl.models.families import geometry

# The layer divides the seeds of a pixel by their norm. One of them is given up to be constant, so many times the norm
# of all others: with it the division changes little from pixel to pixel.
STEADINESS = 2.0
# Sinusoids that are flatter than so in the middle, as a share of a straight line through it, are drawn anew.
_FLATTEST = 0.3
_PROJECTION_RIDGE = 1e-4
_LEAST = 1e-12
# Pixels of a layer's input that say enough: so the first blocks, whose maps are large, are fitted to some images only.
_ENOUGH = 1 << 20


class Inputs(NamedTuple):
    """What a batch of images is when it comes to a block.

    Attributes:
        student: its maps.
        teacher: its maps.
    """

    student: Tensor
    teacher: Tensor


class Order(NamedTuple):
    """Which of the teacher's channels the layer's stand for.

    Attributes:
        groups: the teacher's channels of each seed: (s, r).
        inputs: the teacher's input channels in the student's order, which what feeds the layer is brought into: (n,).
        worth: the root of what an error of each of the teacher's output channels counts: (m,).
        constant: the seed that is given up to be constant, and the input channel that makes it so; None: none is.
    """

    groups: Tensor
    inputs: Tensor
    worth: Tensor
    constant: tuple[int, int] | None


@torch.no_grad()
def fit_site(site: Site, batches: list[Inputs]) -> None:
    """Fit a block to the teacher's: expansion, order of the channels, seeds, norm and projection, one after the other.

    Args:
        site: both blocks, in evaluation mode; the student's is changed, and its stem where one belongs to the site.
        batches: inputs of both, of some hundred images or more; the student's become those that such a stem gives now.
    """
    roles, enough = site.roles, _enough(batches)
    if roles.expand:
        _fit_pointwise(site, batches[:enough], roles.expand)
    order = _order(site, batches[:enough])
    _apply(site, order)
    if site.stem:
        for place, batch in enumerate(batches):
            batches[place] = Inputs(_as_fed(batch.student, site.stem, order), batch.teacher)
    some = batches[:enough]
    _fit_seeds(site, some, order)
    _fit_norm(site, some, order)
    _fit_pointwise(site, some, roles.project)


def _enough(batches: Sequence[Inputs]) -> int:
    """How many of the batches have enough pixels; all, if they have fewer."""
    pixels = 0
    for number, batch in enumerate(batches, 1):
        pixels += batch.teacher[:, 0].numel()
        if pixels >= _ENOUGH:
            return number
    return len(batches)


def _fit_pointwise(site: Site, batches: Sequence[Inputs], names: Pointwise) -> None:
    """Fit a 1x1 convolution and its norm to what the teacher's give, from what the student has.

    What ends the branch also makes up for the difference of what is added to it.
    """
    moments = Moments(_PROJECTION_RIDGE if names == site.roles.project else RIDGE)
    theirs = norm_of(site.teacher, names.norm)
    for batch in batches:
        mine, wanted = view(site.student, site.roles, batch.student), view(site.teacher, site.roles, batch.teacher)
        target = normalised(theirs, wanted.passed[names.convolution].output)
        if names == site.roles.project:
            target = target + (wanted.shortcut - mine.shortcut)
        moments.add(by_channel(mine.passed[names.convolution].input)[None], by_channel(target)[None])
    slopes, factor = moments.slopes()[0], gain(theirs)
    factor = torch.where(factor.abs() > _LEAST, factor, 1.0)
    weight = (slopes / factor).T.contiguous()
    convolution = getattr(site.student, names.convolution)
    convolution.weight.copy_(weight.view_as(convolution.weight))
    mean, covariance = moments.feature_mean[0], moments.feature_covariance[0]
    variance = torch.einsum("td,de,te->t", weight, covariance, weight).clamp_min(0)
    set_norm(norm_of(site.student, names.norm), weight @ mean, variance, factor, moments.target_mean[0])


def _order(site: Site, batches: Sequence[Inputs]) -> Order:
    layer, roles = site.layer, site.roles
    convolution, project = getattr(site.teacher, roles.layer), getattr(site.teacher, roles.project.convolution)
    of_maps, of_features = Moments(), Moments()
    squares = torch.zeros(convolution.in_channels, dtype=torch.float64)
    for batch in batches:
        passed = view(site.teacher, roles, batch.teacher).passed
        maps = site.wanted(passed)
        of_maps.add(maps[None], maps[None, :1])
        features = by_channel(passed[roles.project.convolution].input)
        of_features.add(features[:, None], features[:, None])
        squares += by_channel(passed[roles.layer].input).square().mean(1).double().cpu()
    covariance = of_maps.feature_covariance[0]
    spread = of_features.feature_covariance.flatten()
    weights = gain(norm_of(site.teacher, roles.project.norm)).unsqueeze(1) * project.weight.flatten(1).double().cpu()
    worth = weights.norm(dim=0) * (spread / covariance.diagonal().clamp_min(_LEAST)).clamp_min(0).sqrt()
    if site.feeder is None:  # the order is that of the maps that come
        groups = torch.arange(layer.out_channels).view(-1, layer.ratio)
        return Order(groups, torch.arange(layer.in_channels), worth, None)
    weighted = covariance * worth * worth.unsqueeze(1)
    groups = group_channels(weighted, layer.ratio)
    energy = _energy(convolution, worth, squares)
    least = int(weighted.diagonal()[groups].sum(1).argmin())
    if layer.conv1.groups == 1:
        return Order(groups, torch.arange(layer.in_channels), worth, (least, int(energy.sum(0).argmin())))
    inputs = choose_inputs(energy[groups].sum(1), _inputs_a_seed(layer))
    return Order(groups, inputs.flatten(), worth, (least, least * _inputs_a_seed(layer)))


def _energy(convolution: nn.Conv2d, worth: Tensor, squares: Tensor) -> Tensor:
    """How much each output of a convolution has of each input: (m, n).

    Args:
        convolution: the teacher's.
        worth: of the outputs, see `Order`.
        squares: mean squares of the inputs.
    """
    weights = convolution.weight.double().cpu().square().sum((2, 3)) * worth.square().unsqueeze(1)
    energy = torch.zeros(convolution.out_channels, convolution.in_channels, dtype=torch.float64)
    width = convolution.in_channels // convolution.groups
    group = torch.arange(convolution.out_channels) * convolution.groups // convolution.out_channels
    places = group.unsqueeze(1) * width + torch.arange(width)
    return energy.scatter(1, places, weights) * squares


def _inputs_a_seed(layer: GroupNLConv2d) -> int:
    return layer.in_channels // layer.conv1.groups


def _places(layer: GroupNLConv2d, order: Order) -> Tensor:
    """The teacher's channel that each of the layer's outputs stands for: (m,).

    The seeds come first; then the copies of each of the layer's blocks of seeds, copy by copy.
    """
    copies = order.groups[:, 1:].view(layer.num_terms, -1, layer.ratio - 1)
    return torch.cat([order.groups[:, 0], copies.transpose(1, 2).flatten()])


def _apply(site: Site, order: Order) -> None:
    """Bring what stands before and behind the layer into its order, and make the constant channel."""
    if site.feeder:
        for module in site.feeder:
            _reorder(module, order.inputs)
        if order.constant:
            _make_constant(site.feeder, order.constant[1])
    gate = getattr(site.student, "se", None)
    if gate is not None and hasattr(gate, "conv_reduce"):
        places = _places(site.layer, order)
        gate.conv_reduce.weight.copy_(gate.conv_reduce.weight[:, places])
        _reorder(gate.conv_expand, places)


def _reorder(module: nn.Module, order: Tensor) -> None:
    for values in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
        if values.dim():  # all but the norm's number of steps
            values.copy_(values[order])


def _make_constant(feeder: Feeder, channel: int) -> None:
    """Let a channel before the layer be the same at every pixel of every image.

    Neither the filter nor the norm's weight has a gradient as long as both are 0, so that it stays so in training too:
    a filter that is next to nothing would be noise of full height behind a norm that takes a batch's own statistics.
    """
    feeder.convolution.get_parameter("weight")[channel] = 0
    norm = feeder.norm
    for values, value in zip((*statistics(norm), norm.weight, norm.bias), (0, 1, 0, 1), strict=True):
        values[channel] = value


def _as_fed(maps: Tensor, stem: Feeder, order: Order) -> Tensor:
    """What the stem gives since it was brought into an order: (B, n, H, W)."""
    fed = maps[:, order.inputs.to(maps.device)]
    if order.constant:
        channel = order.constant[1]
        nothing = torch.zeros(1, maps.shape[1], 1, 1, device=maps.device)
        fed[:, channel] = stem.norm(nothing)[0, channel, 0, 0]
    return fed


def _fit_seeds(site: Site, batches: Sequence[Inputs], order: Order) -> None:
    """Fit the seeds' filters, and draw sinusoids that can be straight lines of them."""
    layer = site.layer
    convolution, groups = layer.conv1, layer.conv1.groups
    moments = Moments()
    value = 0.0
    for batch in batches:
        mine = view(site.student, site.roles, batch.student).passed[site.roles.layer].input
        wanted = site.wanted(view(site.teacher, site.roles, batch.teacher).passed)
        moments.add(_patches(mine, convolution), wanted[order.groups.view(groups, -1)])
        if order.constant:
            value = float(mine[0, order.constant[1], 0, 0])
    while bool((torch.cos(layer.periods * layer.shifts).abs() < _FLATTEST).any()):
        layer.reset_parameters()
    filters = best_directions(moments, order.worth[order.groups].view(groups, -1, layer.ratio))
    convolution.weight.copy_(filters.reshape_as(convolution.weight))
    if order.constant:
        seed, channel = order.constant
        convolution.weight[seed] = 0
        middle = (channel % _inputs_a_seed(layer), *(side // 2 for side in convolution.weight.shape[2:]))
        convolution.weight[(seed, *middle)] = STEADINESS * (convolution.out_channels - 1) ** 0.5 / value


def _patches(maps: Tensor, convolution: nn.Conv2d) -> Tensor:
    """What each group of a convolution's filters sees: (B, n, H, W) -> (groups, n / groups k^2, B H' W')."""
    if isinstance(convolution, Conv2dSame):
        size, stride, dilation = convolution.kernel_size, convolution.stride, convolution.dilation
        maps, padding = pad_same(maps, size, stride, dilation), (0, 0)
    else:
        size, stride, padding, dilation = geometry(convolution)
    patches = F.unfold(maps, size, dilation, padding, stride)
    grouped = patches.view(len(patches), convolution.groups, -1, patches.shape[2])
    return grouped.permute(1, 2, 0, 3).flatten(2)


def _fit_norm(site: Site, batches: Sequence[Inputs], order: Order) -> None:
    """Give each map the mean and spread of the teacher's, and the sign that goes with it.

    With the spread of the best line instead, maps that say little of the teacher's would become constant, and the
    projection could make nothing of them.
    """
    places, moments = _places(site.layer, order), Moments()
    for batch in batches:
        mine = view(site.student, site.roles, batch.student).passed[site.roles.layer].output
        wanted = site.wanted(view(site.teacher, site.roles, batch.teacher).passed)
        moments.add(by_channel(mine)[:, None], wanted[places, None])
    variance = moments.feature_covariance.flatten().clamp_min(0)
    sign = torch.where(moments.cross_covariance.flatten() < 0, -1.0, 1.0)
    factor = sign * (moments.target_variance.flatten() / variance.clamp_min(_LEAST)).sqrt()
    set_norm(site.norm, moments.feature_mean.flatten(), variance, factor, moments.target_mean.flatten())
