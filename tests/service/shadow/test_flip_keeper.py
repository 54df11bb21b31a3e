"""groupnl.service.shadow.examples: what is kept of a flip, and how often."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.tiny import CLASSES
from torch import Tensor

from groupnl.corruptions import CorruptionSpec
from groupnl.robustness.examples import Said, read_examples
from groupnl.service.shadow import examples
from groupnl.service.shadow.examples import ExamplesPlace, FlipKeeper

FOG = CorruptionSpec("fog", 4, 0)
CLEAN, ANSWER = torch.tensor([[0.1, 0.6, 0.3, 0, 0, 0, 0], [0.0, 0.1, 0.2, 0.7, 0, 0, 0]])


@pytest.fixture
def keeper(tmp_path: Path) -> FlipKeeper:
    return FlipKeeper(ExamplesPlace(tmp_path, 10, "tiny"), CLASSES)


def _pixels(png: bytes) -> Tensor:
    return torch.from_numpy(np.array(Image.open(io.BytesIO(png)))).permute(2, 0, 1)


def test_a_flip(keeper: FlipKeeper, pixels: Tensor, tmp_path: Path) -> None:
    keeper.keep(pixels[0], pixels[1], FOG, CLEAN, ANSWER)
    (found,) = read_examples(tmp_path)
    assert found.record.original == Said(best="green", confidence=float(CLEAN[1]))
    assert found.record.corrupted == Said(best="round", confidence=float(ANSWER[3]))
    assert (found.record.model, found.record.corruption, found.record.severity) == ("tiny", "fog", 4)
    assert torch.equal(_pixels(found.original), pixels[0])
    assert torch.equal(_pixels(found.corrupted), pixels[1])


def test_an_answer_that_is_none(keeper: FlipKeeper, pixels: Tensor, tmp_path: Path) -> None:
    keeper.keep(pixels[0], pixels[1], FOG, CLEAN, torch.full((7,), torch.nan))
    (found,) = read_examples(tmp_path)
    assert found.record.corrupted == Said(best=None, confidence=0)


def test_one_now_and_then(keeper: FlipKeeper, pixels: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    for later in (0.0, examples.EVERY_S / 2, examples.EVERY_S / 2, examples.EVERY_S / 2):
        now[0] += later
        keeper.keep(pixels[0], pixels[1], FOG, CLEAN, ANSWER)
    assert len(read_examples(tmp_path)) == 2
