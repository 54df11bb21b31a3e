"""Questions about a traced network that the passes share."""

import operator

import torch
from timm.layers import Conv2dSame
from torch import fx, nn

# Not those in place: who reads their operand afterwards reads their result.
ADDITIONS = (operator.add, torch.add)
PRODUCTS = (operator.mul, torch.mul)


def module_of(graph: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """The module that a node calls; None for another kind of node."""
    return graph.get_submodule(str(node.target)) if node.op == "call_module" else None


def convolution_of(graph: fx.GraphModule, node: fx.Node) -> nn.Conv2d | None:
    """The convolution that a node calls, if its output is linear in its weights; None for anything else.

    A class made of nn.Conv2d may do something else with its weights, as timm's StdConv2d does, which normalises them.
    """
    module = module_of(graph, node)
    return module if isinstance(module, nn.Conv2d) and type(module) in (nn.Conv2d, Conv2dSame) else None


def dense_convolution_of(graph: fx.GraphModule, node: fx.Node) -> nn.Conv2d | None:
    """The convolution that a node alone calls, if all its outputs read all its inputs."""
    convolution = convolution_of(graph, node)
    if convolution is None or convolution.groups > 1 or not is_called_once(graph, node):
        return None
    return convolution


def pointwise_of(graph: fx.GraphModule, node: fx.Node) -> nn.Conv2d | None:
    """The 1x1 convolution of stride 1, without padding, that a node alone calls."""
    convolution = dense_convolution_of(graph, node)
    if convolution is None or not convolution.kernel_size == convolution.stride == (1, 1):
        return None
    return convolution if convolution.padding in ((0, 0), "same", "valid") else None


def only_user(node: fx.Node) -> fx.Node | None:
    """The node that alone uses a node's value."""
    return next(iter(node.users)) if len(node.users) == 1 else None


def other_operand(node: fx.Node, operand: fx.Node, functions: tuple[object, ...]) -> fx.Node | None:
    """The other operand, where a node calls one of the functions with two of them."""
    if node.op != "call_function" or node.target not in functions or node.kwargs or len(node.args) != 2:
        return None
    first, second = node.args
    if first is second:
        return None
    other = second if first is operand else first
    return other if isinstance(other, fx.Node) else None


def take_addition(graph: fx.GraphModule, node: fx.Node, x: fx.Node) -> bool:
    """Take out what adds x, which nothing changes in place, to what a node alone gives to it; whether there was one."""
    addition = only_user(node)
    if addition is None or is_written(graph, x) or other_operand(addition, node, ADDITIONS) is not x:
        return False
    addition.replace_all_uses_with(node)
    graph.graph.erase_node(addition)
    return True


def is_called_once(graph: fx.GraphModule, node: fx.Node) -> bool:
    """Whether no other node calls the same module, or reads its weights."""
    name = str(node.target)
    others = (other for other in graph.graph.nodes if other is not node and other.op in ("call_module", "get_attr"))
    return not any(f"{other.target}.".startswith(f"{name}.") for other in others)


def is_written(graph: fx.GraphModule, node: fx.Node) -> bool:
    """Whether something changes a node's value in place: who reads it later reads another."""
    return any(_writes(graph, user, node) for user in node.users)


def _writes(graph: fx.GraphModule, user: fx.Node, node: fx.Node) -> bool:
    if user.op == "call_module":
        return bool(getattr(module_of(graph, user), "inplace", False))
    if not user.args or user.args[0] is not node:
        return False
    if user.op == "call_method":
        return str(user.target).endswith("_") and not str(user.target).endswith("__")
    named = str(getattr(user.target, "__name__", "")).endswith("_")
    told = user.kwargs.get("inplace") is True or any(value is True for value in user.args)
    return named or told


def replace_module(graph: fx.GraphModule, node: fx.Node, module: nn.Module) -> None:
    """Let a node call another module, under the old one's name."""
    parent, _, name = str(node.target).rpartition(".")
    setattr(graph.get_submodule(parent), name, module)


def bypass(graph: fx.GraphModule, node: fx.Node) -> None:
    """Take a node out: whoever used its value uses its first input's."""
    node.replace_all_uses_with(node.all_input_nodes[0])
    graph.graph.erase_node(node)
