"""The way in: the passes of the rewrite, in their order."""

import copy
from typing import Any

from timm.layers import BatchNormAct2d
from torch import fx, nn

from groupnl.errors import RewriteError
from groupnl.inference.rewrite.fold import fold_norms, remove_identities
from groupnl.inference.rewrite.reorder import reorder_channels
from groupnl.layers import GroupNLConv2d


def to_inference(model: nn.Module, *, reorder: bool = True) -> fx.GraphModule:
    """Rewrite a network so that it computes the same function with less work.

    Batch norms are folded into the convolutions before them. A GroupNL layer, its batch norm and its activation become
    one `FusedGroupNL`. The channels before a sparse layer are reordered so that its seed convolution is a depthwise
    one, where the network allows it. Nothing here depends on the device. Standard networks pass through the same
    steps. Logits differ from the model's only by rounding (relative error below 1e-5 in float32).

    Args:
        model: in evaluation mode or not; it is left as it is.
        reorder: reorder channels; without it sparse seed convolutions stay grouped, for a kernel that wants them so.

    Returns:
        A network in evaluation mode, of the same input and output, without gradients.

    Raises:
        RewriteError: the network's forward pass depends on its input's values or shape, and cannot be traced.
    """
    graph = _trace(copy.deepcopy(model).eval().requires_grad_(False))
    remove_identities(graph)
    fold_norms(graph)
    if reorder:
        reorder_channels(graph)
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph


class _Tracer(fx.Tracer):
    """Looks into every module but those that the passes know as a whole."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, GroupNLConv2d | BatchNormAct2d) or super().is_leaf_module(m, module_qualified_name)


def _trace(model: nn.Module) -> fx.GraphModule:
    try:
        graph: Any = _Tracer().trace(model)
    except Exception as error:  # control flow on traced values raises nearly any type
        raise RewriteError(
            f"{type(model).__name__} cannot be rewritten, its forward pass cannot be traced: {error}"
        ) from error
    return fx.GraphModule(model, graph)
