"""`groupnl archive --input-size`: a size that the network does not take is refused before anything is written."""

from pathlib import Path

import pytest
from support.tiny import fixed_size_checkpoint

from groupnl.cli import main


def test_a_size_that_the_network_does_not_take_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["archive", str(fixed_size_checkpoint(tmp_path)), "--model-name", "fixed", "--output", str(tmp_path / "a")]
    assert main([*words, "--input-size", "32"]) == 1
    assert "--input-size 32: test_vit3 does not take images of 32 pixels" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
