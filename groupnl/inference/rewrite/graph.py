"""Questions about a traced network that the passes share."""

from torch import fx, nn


def module_of(graph: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """The module that a node calls; None for another kind of node."""
    return graph.get_submodule(str(node.target)) if node.op == "call_module" else None


def is_called_once(graph: fx.GraphModule, node: fx.Node) -> bool:
    """Whether no other node calls the same module."""
    calls = [other for other in graph.graph.nodes if other.op == "call_module" and other.target == node.target]
    return len(calls) == 1


def replace_module(graph: fx.GraphModule, node: fx.Node, module: nn.Module) -> None:
    """Let a node call another module, under the old one's name."""
    parent, _, name = str(node.target).rpartition(".")
    setattr(graph.get_submodule(parent), name, module)


def bypass(graph: fx.GraphModule, node: fx.Node) -> None:
    """Take a node out: whoever used its value uses its first input's."""
    node.replace_all_uses_with(node.all_input_nodes[0])
    graph.graph.erase_node(node)
