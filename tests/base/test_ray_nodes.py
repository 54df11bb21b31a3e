"""groupnl.base.ray_nodes: whether a node of a cluster has what is needed."""

import pytest

from groupnl.base.ray_nodes import has_room

NODES = [
    {"Alive": True, "Resources": {"CPU": 2.0}},
    {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    {"Alive": True, "Resources": {"CPU": 1.0, "GPU": 1.0}},
]


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({"CPU": 2, "GPU": 0}, True),
        ({"CPU": 1, "GPU": 1}, True),
        ({"CPU": 2, "GPU": 1}, False),  # no node has both
        ({"CPU": 4}, False),  # only one that has died
    ],
)
def test_one_node_must_have_it_all(needs: dict[str, float], expected: bool) -> None:
    assert has_room(NODES, needs) is expected
