"""`groupnl validate --input-size`: a size that the network does not take is refused before anything is measured."""

from pathlib import Path

import pytest
from support.colours import solid
from support.tiny import CLASSES, fixed_size_checkpoint
from support.validation_runs import validate


@pytest.mark.parametrize("which", ["clean", "corrupted"])
def test_a_size_that_the_network_does_not_take_is_refused(
    which: str, tmp_path: Path, published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = tmp_path / "clean"
    solid(clean, {name: ["green"] for name in CLASSES})
    images = ["--data", clean] if which == "clean" else ["--imagenet-c", published, "--corruptions", "fog"]
    assert validate(fixed_size_checkpoint(tmp_path), tmp_path / "out", *images, "--input-size", "32") == 1
    assert "--input-size 32: test_vit3 does not take images of 32 pixels" in capsys.readouterr().err
    assert not (tmp_path / "out" / "counts.json").exists()
