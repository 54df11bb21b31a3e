"""Ray's nodes for studies: what was started ends, also where not all of it was."""

import warnings

import psutil
import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

from groupnl.errors import ServerError

with warnings.catch_warnings(action="ignore"):  # of what Ray's own modules do
    from groupnl_studies.cluster.nodes import Nodes

pytestmark = pytest.mark.slow


class OneNode(Nodes):
    """The second node does not start."""

    def add(self, *, wait=True):
        if self.ports:
            raise ServerError("there is no second node")
        super().add(wait=wait)


def test_where_a_node_cannot_be_added_the_others_end():
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(ServerError, match="no second node"):
        OneNode(2, room=1)
    assert set(psutil.Process().children(recursive=True)) <= before
