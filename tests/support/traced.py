"""What a traced network calls."""

from torch import fx

from groupnl.inference.rewrite.graph import module_of


def kinds(graph: fx.GraphModule) -> list[str]:
    """The modules' classes and the functions, in order."""
    return [
        type(module_of(graph, node)).__name__ if node.op == "call_module" else str(getattr(node.target, "__name__", ""))
        for node in graph.graph.nodes
        if node.op in ("call_module", "call_function")
    ]
