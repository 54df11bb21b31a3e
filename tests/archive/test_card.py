"""groupnl.archive.card: what a network is served with, and what is refused."""

from pathlib import Path

import pytest
from support.tiny import CLASSES, tiny_checkpoint

from groupnl.archive.card import served_card
from groupnl.errors import CheckpointError
from groupnl.models.trained import open_trained


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        (("red", *CLASSES), "'red' stands twice; .*; --classes FILE gives other names$"),
        ((), "classes = .*: it must have 1 values or more$"),  # no names help a network without classes
    ],
)
def test_other_names_are_advised_where_names_are_wrong(classes: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    trained = open_trained(tiny_checkpoint(tmp_path))
    with pytest.raises(CheckpointError, match=sentence):
        served_card(trained._replace(classes=classes))
