"""What the nodes of a Ray cluster have, as Ray tells it."""

from collections.abc import Iterable, Mapping
from typing import Any


def has_room(nodes: Iterable[Mapping[str, Any]], needs: Mapping[str, float]) -> bool:
    """Whether a node that lives has, when nothing runs there, all that is needed.

    Args:
        nodes: what `ray.nodes` gives.
        needs: resource -> how much of it; such as CPU and GPU.
    """
    return any(
        node["Alive"] and all(node["Resources"].get(name, 0) >= count for name, count in needs.items())
        for node in nodes
    )
