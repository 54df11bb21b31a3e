"""groupnl.archive.trial: an engine that computes something else than the network is refused."""

from pathlib import Path

import pytest
import timm
import torch
from support.tiny import ARCHITECTURE, CLASSES, tiny_checkpoint

from groupnl.archive.engine import Choice
from groupnl.archive.load import load_unpacked
from groupnl.archive.pack import pack
from groupnl.archive.read import unpack
from groupnl.archive.trial import compare_engine
from groupnl.errors import ArchiveError


@pytest.mark.parametrize(
    ("precision", "advice"),
    [(torch.float32, "choose another --engine$"), (torch.bfloat16, "choose --precision float32, or another --engine$")],
)
def test_the_advice_is_another_way_than_the_one_that_failed(
    precision: torch.dtype, advice: str, tmp_path: Path
) -> None:
    unpack(pack(tiny_checkpoint(tmp_path), tmp_path, "tiny"), tmp_path / "unpacked")
    manifest, own = load_unpacked(tmp_path / "unpacked")
    choice = Choice("eager", torch.device("cpu"), precision)
    compare_engine(tmp_path / "unpacked", manifest, own, choice)
    other = timm.create_model(ARCHITECTURE, num_classes=len(CLASSES)).eval()
    torch.nn.init.normal_(other.get_classifier().weight)
    with pytest.raises(ArchiveError, match=advice):
        compare_engine(tmp_path / "unpacked", manifest, other, choice)
