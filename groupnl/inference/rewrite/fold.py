"""Batch norms into what stands before them: the first passes of the rewrite."""

import copy
from typing import NamedTuple

import torch
from timm.layers import BatchNormAct2d, DropPath
from torch import Tensor, fx, nn

from groupnl.inference.rewrite.fused import FusedGroupNL
from groupnl.inference.rewrite.graph import bypass, convolution_of, is_called_once, module_of, replace_module
from groupnl.layers import GroupNLConv2d

_NOTHING_TO_DO = (nn.Identity, nn.Dropout, nn.Dropout2d, DropPath)  # in evaluation mode
# What may follow a convolution as its activation; all of them act on each number alone.
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.Identity, nn.Sigmoid, nn.Hardsigmoid, nn.GELU)


class Affine(NamedTuple):
    """A batch norm in evaluation mode: y = x * scale + shift.

    Attributes:
        scale: float64 of shape (channels,).
        shift: the same.
    """

    scale: Tensor
    shift: Tensor


def remove_identities(graph: fx.GraphModule) -> None:
    """Take out what does nothing in evaluation mode."""
    for node in list(graph.graph.nodes):
        if isinstance(module_of(graph, node), _NOTHING_TO_DO):
            bypass(graph, node)


def fold_norms(graph: fx.GraphModule) -> None:
    """Fold every batch norm that directly follows a convolution or a GroupNL layer."""
    for node in list(graph.graph.nodes):
        norm = module_of(graph, node)
        if not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None or not is_called_once(graph, node):
            continue
        before = node.all_input_nodes[0]
        if len(before.users) > 1 or not is_called_once(graph, before):
            continue
        layer, convolution = module_of(graph, before), convolution_of(graph, before)
        if isinstance(layer, GroupNLConv2d):
            activation = _activation_of(norm) if isinstance(norm, BatchNormAct2d) else _take_activation(graph, node)
            replace_module(graph, before, FusedGroupNL(layer, *affine(norm), activation))
            bypass(graph, node)
        elif convolution is not None:
            replace_module(graph, before, folded(convolution, affine(norm)))
            replace_module(graph, node, _activation_of(norm))
    remove_identities(graph)


def affine(norm: nn.BatchNorm2d) -> Affine:
    """What a batch norm does in evaluation mode.

    Args:
        norm: with running statistics.
    """
    assert norm.running_mean is not None  # noqa: S101 (for mypy)
    assert norm.running_var is not None  # noqa: S101
    scale = torch.rsqrt(norm.running_var.double() + norm.eps)
    shift = torch.zeros_like(scale)
    if norm.affine:
        scale, shift = scale * norm.weight.double(), norm.bias.double()
    return Affine(scale, shift - norm.running_mean.double() * scale)


def folded(layer: nn.Conv2d, norm: Affine) -> nn.Conv2d:
    """The convolution with the norm behind it in its weights."""
    result = copy.deepcopy(layer)
    bias = torch.zeros_like(norm.shift) if layer.bias is None else layer.bias.double()
    dtype = layer.weight.dtype
    result.weight = _frozen((layer.weight.double() * norm.scale.view(-1, 1, 1, 1)).to(dtype))
    result.bias = _frozen((bias * norm.scale + norm.shift).to(dtype))
    return result


def _activation_of(norm: nn.BatchNorm2d) -> nn.Module:
    """What timm's batch norm does after norming; nothing for torch's own."""
    if not isinstance(norm, BatchNormAct2d):
        return nn.Identity()
    assert isinstance(norm.drop, _NOTHING_TO_DO) or not norm.drop.training  # noqa: S101
    activation: nn.Module = norm.act
    return activation


def _take_activation(graph: fx.GraphModule, node: fx.Node) -> nn.Module:
    """The activation that alone uses the node's value, taken out of the graph; else the identity."""
    users = list(node.users)
    module = module_of(graph, users[0]) if len(users) == 1 else None
    if not isinstance(module, ACTIVATIONS):
        return nn.Identity()
    bypass(graph, users[0])
    return module


def _frozen(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)
