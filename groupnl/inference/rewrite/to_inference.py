"""The way in: the passes of the rewrite, in their order."""

import copy
import logging
from typing import Any

from timm.layers import BatchNormAct2d, get_notrace_functions, is_notrace_module
from torch import Tensor, fx, nn

from groupnl.inference.rewrite.fold import fold_norms, remove_identities
from groupnl.inference.rewrite.reorder import reorder_channels
from groupnl.layers import GroupNLConv2d

logger = logging.getLogger(__name__)


def to_inference(model: nn.Module, *, reorder: bool = True) -> fx.GraphModule:
    """Rewrite a network so that it computes the same function with less work.

    Batch norms are folded into the convolutions before them. A GroupNL layer, its batch norm and its activation become
    one `FusedGroupNL`. The channels before a sparse layer are reordered so that its seed convolution is a depthwise
    one, where the network allows it. Nothing here depends on the device. Standard networks pass through the same
    steps. Logits differ from the model's only by rounding (relative error below 1e-5 in float32).

    A network whose forward pass depends on its input's values or shape cannot be traced: it stays as it is, in one
    node of a graph, and a warning says so.

    Args:
        model: in evaluation mode or not; it is left as it is.
        reorder: reorder channels; without it sparse seed convolutions stay grouped, for a kernel that wants them so.

    Returns:
        A network in evaluation mode, of the same input and output, without gradients.
    """
    try:
        graph = _trace(own_copy(model))
    except Exception as error:  # control flow on traced values raises nearly any type
        name = type(model).__name__
        logger.warning(
            "groupnl: %s runs in the form in which it was trained, because it cannot be traced: %s", name, error
        )
        return as_published(model)
    remove_identities(graph)
    fold_norms(graph)
    if reorder:
        reorder_channels(graph)
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph


def as_published(model: nn.Module) -> fx.GraphModule:
    """A network as it was trained, as the one node of a graph, in which no pass finds anything to do.

    Args:
        model: in evaluation mode or not; it is left as it is.
    """
    graph = fx.Graph()
    graph.output(graph.call_module("network", (graph.placeholder("x"),)))
    return fx.GraphModule({"network": own_copy(model)}, graph).eval()


def own_copy(model: nn.Module) -> nn.Module:
    """A copy of a network that computes alike: in evaluation mode, without gradients."""
    return copy.deepcopy(model).eval().requires_grad_(False)


class _Tracer(fx.Tracer):
    """Looks into every module but those that the passes know as a whole, and those that timm says have branches."""

    def __init__(self) -> None:
        super().__init__(autowrap_functions=tuple(get_notrace_functions()))

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        whole = isinstance(m, GroupNLConv2d | BatchNormAct2d) or is_notrace_module(type(m))
        return whole or super().is_leaf_module(m, module_qualified_name)


class _OfImages(nn.Module):
    """A network that is given images alone: whatever else it may be given has its default, and is no input."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits


def _trace(network: nn.Module) -> fx.GraphModule:
    root = _OfImages(network)
    graph: Any = _Tracer().trace(root)
    return fx.GraphModule(root, graph).eval()
